#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_life.sh ROOT SCRATCH: a C program, a C++ program and a Python script against the installed tree, from aclInit to
# the end in several orders; as they are, with everything in the caller's thread, and with guarded memory.
set -eu
root=$1 scratch=$2/life here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$scratch"
. "$root/set_env.sh"
flags="-Wall -Wextra -Wpedantic -Werror -I$root/include -I$root/include/aclnn"
libraries="-L$root/lib64 -lascendcl -lnnopbase -lopapi"
# shellcheck disable=SC2086 # flags
cc -std=c11 $flags -o "$scratch/c" "$here/life.c" $libraries
# shellcheck disable=SC2086
c++ -std=c++11 $flags -o "$scratch/c-as-c++" -x c++ "$here/life.c" -x none $libraries
# shellcheck disable=SC2086
c++ -std=c++11 $flags -pthread -o "$scratch/c++" "$here/life.cpp" $libraries

try() {
    "$@" >"$scratch/out" 2>&1 || { echo "-- $*: exit status $?"; cat "$scratch/out"; exit 1; }
}
for variable in AQ_NONE ANTIQUANT_GUARD ANTIQUANT_SYNC; do
    try env $variable=1 "$scratch/c"
    try env $variable=1 "$scratch/c-as-c++"
    try env $variable=1 "$scratch/c++"
    try env $variable=1 python3 "$here/life.py"
done
