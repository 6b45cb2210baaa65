#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# expect_output.sh FILE PROGRAM: the program ends well and prints exactly what the file says.
set -eu
out=$("$2") || { echo "$2 ended with $?"; exit 1; }
printf '%s\n' "$out" | diff -u "$1" -
