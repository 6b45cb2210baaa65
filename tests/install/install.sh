#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# install.sh CMAKE BUILD_DIR PREFIX: installs into PREFIX, then moves the tree once: nothing in it may know where it
# was installed. Checks what lies where.
set -eu
cmake=$1 build=$2 prefix=$3
rm -rf "$prefix" "$prefix.first"
env -u DESTDIR "$cmake" --install "$build" --prefix "$prefix.first" >/dev/null
mv "$prefix.first" "$prefix"

fail() { echo "$*"; exit 1; }
for name in antiquant ascendcl nnopbase opapi opapi_nn opapi_math acl_rt acl_op_compiler; do
    file=$prefix/lib64/lib$name.so
    [ -f "$file" ] && [ ! -L "$file" ] || fail "$file is not a regular file"
    soname=$(readelf -d "$file" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
    [ "$soname" = "lib$name.so" ] || fail "$file has soname $soname"
done
needs() { readelf -d "$prefix/lib64/$1" | grep -q "(NEEDED).*\[$2\]" || fail "$1 has no DT_NEEDED $2"; }
needs libopapi.so libnnopbase.so
needs libopapi.so libascendcl.so
needs libnnopbase.so libascendcl.so
for file in include/acl/acl.h include/acl/error_codes/rt_error_codes.h include/aclnn/acl_meta.h \
    include/aclnnop/aclnn_weight_quant_batch_matmul.h include/aclnnop/level2/aclnn_cast.h include/antiquant.h \
    set_env.sh bin/antiquant lib64/pkgconfig/antiquant.pc share/cmake/antiquant/antiquant-config.cmake; do
    [ -f "$prefix/$file" ] || fail "$file is not installed"
done
if grep -rIl "$prefix" "$prefix"; then fail "these files name the directory they were installed in"; fi
