#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Compiles the public headers the way callers do: each alone, in C and C++, with every include root a caller may use,
# by every compiler at hand, without a warning; then the values and signatures of the specification.
#
#   check_headers.sh INCLUDE_DIR [LIB_DIR]
#
# With LIB_DIR (an installed lib64) all functions are also linked from libascendcl, libnnopbase and libopapi.
# CC and CXX name the compilers; unset, gcc and clang are taken, those of them that exist.
set -u

here=$(cd "$(dirname "$0")" && pwd)
if [ $# -lt 1 ] || [ ! -d "$1/aclnn" ]; then
    echo "usage: $0 INCLUDE_DIR [LIB_DIR] (INCLUDE_DIR holds acl/, aclnn/ and aclnnop/)" >&2
    exit 2
fi
include=$(cd "$1" && pwd)
lib=${2:-}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0
failed=0

# try WHAT COMMAND...: runs the command; its output is shown only when it fails.
try() {
    local what=$1
    shift
    if "$@" >"$work/log" 2>&1; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED: $what"
        echo "  $*"
        head -20 "$work/log" | sed 's/^/  /'
    fi
}

compilers() { # compilers OVERRIDE DEFAULT...
    local override=$1 found=0 c
    shift
    if [ -n "$override" ]; then
        echo "$override"
        return
    fi
    for c in "$@"; do
        if command -v "$c" >/dev/null; then
            echo "$c"
            found=1
        else
            echo "skipped: no $c on this machine" >&2
        fi
    done
    [ $found = 1 ]
}

# aclnnop/level2 is made by installing; where it is missing the headers are tried through a copy that has it.
tree=$include
if [ ! -e "$include/aclnnop/level2" ]; then
    tree=$work/include
    cp -r "$include" "$tree"
    ln -s . "$tree/aclnnop/level2"
fi

warnings="-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wundef -Wunused-const-variable -Werror"
warnings_c="$warnings -Wstrict-prototypes -Wmissing-prototypes"

# spellings HEADER: how a caller may include it, with the roots that take: "spelling|flags" lines
spellings() {
    local header=$1 base=${1##*/} all="-I$tree -I$tree/aclnn -I$tree/aclnnop"
    echo "$header|-I$tree"
    echo "$header|$all"
    case $header in
    aclnn/*)
        echo "$base|-I$tree/aclnn"
        echo "$base|-I$tree -I$tree/aclnn"
        ;;
    aclnnop/*)
        echo "$base|-I$tree/aclnnop"
        echo "$base|-I$tree -I$tree/aclnnop"
        echo "aclnnop/level2/$base|-I$tree"
        echo "level2/$base|-I$tree/aclnnop"
        ;;
    esac
}

# one LANGUAGE COMPILER STANDARD: every header, alone and twice, and seen from a source that uses none of it
one() {
    local language=$1 compiler=$2 standard=$3 w=$warnings header spelling flags source
    if [ "$language" = c ]; then
        w=$warnings_c
    fi
    while read -r header; do
        while IFS='|' read -r spelling flags; do
            printf '#include "%s"\n#include "%s"\nint used_%s(void);\nint used_%s(void) { return 0; }\n' \
                "$spelling" "$spelling" x x >"$work/one.$language"
            # shellcheck disable=SC2086 # words, on purpose
            try "$spelling, $standard, $compiler" $compiler -x "$language" -std="$standard" $w $flags \
                -fsyntax-only "$work/one.$language"
        done < <(spellings "$header")
    done < <(cd "$include" && find acl aclnn aclnnop -path '*/level2/*' -prune -o -name '*.h' -print | sort)
    for source in values signatures; do
        # shellcheck disable=SC2086
        try "$source.c, $standard, $compiler" $compiler -x "$language" -std="$standard" $w -I"$tree" \
            -c "$here/$source.c" -o "$work/$source.$language.o"
    done
    try "C linkage in $standard, $compiler" unmangled "$work/signatures.$language.o"
}

# The object of signatures.c refers to exactly the functions it lists, by their plain names.
unmangled() {
    nm -u "$1" | awk '{print $NF}' | sort >"$work/found"
    sed -n 's/^\(RT\|NN\)(\([A-Za-z0-9]*\),.*/\2/p; s/^FUNCTION([^,]*, \([A-Za-z0-9]*\),.*/\1/p' \
        "$here/signatures.c" | sort >"$work/listed"
    [ -s "$work/listed" ] && diff "$work/listed" "$work/found"
}

# Every function that a header declares is in signatures.c, so that none goes unchecked.
all_listed() {
    unmangled "$work/signatures.c.o" || return 1
    (cd "$include" && printf '#include "%s"\n' acl/acl.h aclnn/aclnn_base.h aclnnop/*.h) >"$work/all.c"
    $1 -E -P -I"$tree" "$work/all.c" | tr -d '\n' | tr ';' '\n' | grep 'visibility *("default")' |
        sed 's/__attribute__ *(([^)]*)*)*//; s/ *(.*//; s/.*[ *]//' | sort >"$work/declared"
    diff "$work/declared" "$work/listed"
}

# A program made of references to all functions, linked as callers link.
links() {
    echo 'int main(void) { return 0; }' >"$work/main.c"
    $1 "$work/main.c" "$work/signatures.c.o" -L"$lib" -lascendcl -lnnopbase -lopapi \
        -Wl,-rpath,"$lib" -o "$work/program" && "$work/program"
}

c_compilers=$(compilers "${CC:-}" gcc clang) || { echo "no C compiler" >&2; exit 2; }
cxx_compilers=$(compilers "${CXX:-}" g++ clang++) || { echo "no C++ compiler" >&2; exit 2; }
while read -r compiler; do
    one c "$compiler" c11
    one c "$compiler" c17
    try "all functions are in signatures.c, $compiler" all_listed "$compiler"
    [ -n "$lib" ] && try "linking all functions from $lib, $compiler" links "$compiler"
done <<<"$c_compilers"
while read -r compiler; do
    one c++ "$compiler" c++11
    one c++ "$compiler" c++20
done <<<"$cxx_compilers"

echo "$passed passed, $failed failed"
[ $failed = 0 ]
