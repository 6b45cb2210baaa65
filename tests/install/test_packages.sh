#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# test_packages.sh ROOT SCRATCH: building with pkg-config and with find_package(antiquant).
set -eu
root=$1 scratch=$2/packages here=$(cd "$(dirname "$0")" && pwd)
example=$here/../../examples/weight_quant_batch_matmul
rm -rf "$scratch"
mkdir -p "$scratch"

pc() { PKG_CONFIG_PATH="$root/lib64/pkgconfig" pkg-config "$@" antiquant; }
[ "$(pc --modversion)" = "$("$root/bin/antiquant" --version | sed 's/[^0-9]*\([0-9.]*\).*/\1/;q')" ]
# shellcheck disable=SC2046 # flags
cc -std=c11 -o "$scratch/with-pkg-config" "$example.c" $(pc --cflags --libs)
LD_LIBRARY_PATH="$root/lib64" "$scratch/with-pkg-config" | diff -u "$example.expected" -

cat >"$scratch/CMakeLists.txt" <<END
cmake_minimum_required(VERSION 3.22)
project(consumer LANGUAGES C)
find_package(antiquant 0.1 REQUIRED)
add_executable(with-cmake "$example.c")
target_link_libraries(with-cmake PRIVATE antiquant::antiquant)
END
cmake -S "$scratch" -B "$scratch/build" -DCMAKE_PREFIX_PATH="$root" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
cmake --build "$scratch/build" >"$scratch/log" || { cat "$scratch/log"; exit 1; }
"$scratch/build/with-cmake" | diff -u "$example.expected" -
