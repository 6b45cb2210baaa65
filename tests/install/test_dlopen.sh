#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_dlopen.sh ROOT SCRATCH: a program that links nothing, dlopens libopapi.so and finds everything through dlsym.
set -eu
root=$1 scratch=$2/dlopen here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$scratch"
cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$root/include" -I"$root/include/aclnn" -o "$scratch/caller" \
    "$here/dlopen_caller.c" -ldl
symbols=$(sed -n 's/^[a-z_]* \([A-Za-z]*\)$/\1/p' "$here/../../packaging/exports.txt")
(
    . "$root/set_env.sh"
    # shellcheck disable=SC2086 # one argument a symbol
    "$scratch/caller" libopapi.so $symbols
    LD_BIND_NOW=1 "$scratch/caller" libopapi.so
)
# By its path too, without the environment: the libraries find each other.
env -u LD_LIBRARY_PATH "$scratch/caller" "$root/lib64/libopapi.so"
