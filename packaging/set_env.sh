# SPDX-License-Identifier: Apache-2.0
# Source this file (bash, zsh, sh): it points the environment of an aclnn program at the directory it lies in.
# Sourcing it again changes nothing; the directory may be moved.

if [ -n "${BASH_SOURCE-}" ]; then
    aq_file=${BASH_SOURCE}
elif [ -n "${ZSH_VERSION-}" ]; then
    eval 'aq_file=${(%):-%x}'
else # a plain sh does not tell a sourced file its name, but holds the file open while it reads it
    aq_file=''
    read -r aq_pid aq_rest </proc/self/stat
    for aq_fd in "/proc/$aq_pid/fd/"*; do
        case $(readlink "$aq_fd") in */set_env.sh) aq_file=$(readlink "$aq_fd") ;; esac
    done
    unset aq_pid aq_rest aq_fd
fi
aq_root=$(CDPATH='' cd -- "$(dirname -- "$aq_file")" && pwd)

if [ -f "$aq_root/lib64/libantiquant.so" ]; then
    export ASCEND_HOME_PATH="$aq_root"
    export ASCEND_TOOLKIT_HOME="$aq_root"
    case ":${LD_LIBRARY_PATH-}:" in
    *":$aq_root/lib64:"*) ;;
    *) export LD_LIBRARY_PATH="$aq_root/lib64${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" ;;
    esac
    case ":${PATH-}:" in
    *":$aq_root/bin:"*) ;;
    *) export PATH="$aq_root/bin${PATH:+:$PATH}" ;;
    esac
else
    echo "set_env.sh: cannot tell where antiquant is installed; source it by its path from bash, zsh or sh" >&2
fi
unset aq_file aq_root
