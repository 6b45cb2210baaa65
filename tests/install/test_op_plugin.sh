#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_op_plugin.sh ROOT SCRATCH: V2 and V3 by names from libopapi.so, as torch_npu's op-plugin calls them.
set -eu
root=$1 scratch=$2/op_plugin here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$scratch"
cc -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$root/include" -I"$root/include/aclnn" -o "$scratch/caller" \
    "$here/op_plugin_caller.c" -ldl
(
    . "$root/set_env.sh"
    "$scratch/caller" libopapi.so
)
