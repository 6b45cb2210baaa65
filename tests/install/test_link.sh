#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_link.sh ROOT SCRATCH: programs that include and link as a caller of CANN does, and nothing else, in C11 and
# C++11, with the linker flags that change how symbols are looked up.
set -eu
root=$1 scratch=$2/link here=$(cd "$(dirname "$0")" && pwd)
example=$here/../../examples/weight_quant_batch_matmul
mkdir -p "$scratch"
. "$root/set_env.sh"

try() { # name, compiler and its flags
    name=$1
    shift
    echo "-- $*"
    "$@" -Wall -Wextra -Wpedantic -Werror -I"$root/include" -I"$root/include/aclnn" -o "$scratch/$name" \
        "$example.c" -x none -L"$root/lib64" -lascendcl -lnnopbase -lopapi
    "$scratch/$name" >"$scratch/$name.out"
    diff -u "$example.expected" "$scratch/$name.out"
    LD_BIND_NOW=1 "$scratch/$name" | diff -u "$example.expected" -
}
for c in cc clang; do
    command -v $c >/dev/null || { echo "-- no $c here, not tried"; continue; }
    try c11 $c -std=c11
    try as-needed $c -std=c11 -Wl,--as-needed
    try no-pie $c -std=c11 -no-pie -Wl,-z,now
done
for cxx in c++ clang++; do
    command -v $cxx >/dev/null || { echo "-- no $cxx here, not tried"; continue; }
    try cxx11 $cxx -std=c++11 -x c++
done
for linker in gold lld; do
    command -v ld.$linker >/dev/null || { echo "-- no ld.$linker here, not tried"; continue; }
    try $linker cc -std=c11 -fuse-ld=$linker
done
