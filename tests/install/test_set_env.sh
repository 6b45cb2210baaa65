#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_set_env.sh ROOT SCRATCH: set_env.sh in each shell that is here, twice, also from its own directory.
set -eu
root=$(cd "$1" && pwd)
want="$root $root $root/lib64:/x $root/bin:$PATH"
for shell in sh bash dash zsh; do
    command -v $shell >/dev/null || { echo "-- no $shell here, not tried"; continue; }
    for way in ". '$root/set_env.sh'" "cd '$root'; . ./set_env.sh"; do
        got=$(LD_LIBRARY_PATH=/x $shell -eu -c "$way; $way
            echo \"\$ASCEND_HOME_PATH \$ASCEND_TOOLKIT_HOME \$LD_LIBRARY_PATH \$PATH\"")
        [ "$got" = "$want" ] || { printf '%s, %s:\n%s\ninstead of\n%s\n' $shell "$way" "$got" "$want"; exit 1; }
    done
    # No empty entry, which would mean the current directory.
    got=$(env -u LD_LIBRARY_PATH $shell -eu -c ". '$root/set_env.sh'; echo \"\$LD_LIBRARY_PATH\"")
    [ "$got" = "$root/lib64" ] || { echo "$shell: LD_LIBRARY_PATH=$got"; exit 1; }
    $shell -c ". '$root/set_env.sh'; antiquant info >/dev/null"
done
