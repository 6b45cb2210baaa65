#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Installs what building antiquant needs and this machine lacks. Looks first: when nothing is missing it says
# nothing and calls no package manager. Arguments: any of build, test, lint, demo, peers (default: build).
set -eu

# group, Debian package, how to see that it is there (command:NAME, header:NAME, module:NAME, or x86:NAME, a command for
# x86-64 only), what it is for. GROUP?: its tests skip without it, so it is installed where that is easy.
needs='
build  gcc                 command:cc            the C compiler
build  libc6-dev           header:stdlib.h       headers of the C library
build  cmake               command:cmake         describes the build
build  ninja-build         command:ninja         runs the build
build  python3             command:python3       runs the generator of export lists
build  libjansson-dev      header:jansson.h      JSON, for the command antiquant
test   libcmocka-dev       header:cmocka.h       unit tests
test   g++                 command:c++           tests that the headers are valid C++11
test   pkgconf             command:pkg-config    tests of the installed antiquant.pc
test   binutils            command:nm            test of the exported symbols
test?  valgrind            x86:valgrind          counts the instructions of kernels
lint   clang-tidy          command:clang-tidy    static analysis
lint   clang-format        command:clang-format  formatting
peers  python3-venv        module:ensurepip      a place of their own for peers
peers  g++                 command:c++           builds ggml
demo   python3-pip         module:pip            fetches the model of make demo
'

there() {
    case $1 in
    command:*) command -v "${1#*:}" >/dev/null 2>&1 ;;
    header:*) echo "#include <${1#*:}>" | cc -E -x c - >/dev/null 2>&1 ;;
    x86:*) [ "$(uname -m)" != x86_64 ] || command -v "${1#*:}" >/dev/null 2>&1 ;;
    module:*) python3 -c "import ${1#*:}" >/dev/null 2>&1 ;;
    esac
}

missing='' nice='' why=''
while read -r group package probe purpose; do
    case " ${*:-build} " in *" ${group%\?} "*) ;; *) continue ;; esac
    there "$probe" && continue
    case $group in *\?) nice="$nice $package" ;; *) missing="$missing $package" ;; esac
    why="$why  $package: $purpose
"
done <<END
$(echo "$needs" | grep .)
END
if [ -z "$missing" ]; then
    [ -n "$nice" ] && command -v apt-get >/dev/null 2>&1 || exit 0
    [ "$(id -u)" -eq 0 ] || sudo -n true 2>/dev/null || exit 0
fi

echo "antiquant needs these packages, which this machine lacks:"
printf '%s' "$why"
if ! command -v apt-get >/dev/null 2>&1; then
    echo "This is not a Debian system: please install them with its own package manager (the names are Debian's)," >&2
    echo "then run make again." >&2
    exit 1
fi
as_root=''
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null 2>&1; then
        echo "Not root, and sudo is not here. Please run as root: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() { # quiet while it works, the whole story when it does not
    echo "+ $*"
    $as_root env DEBIAN_FRONTEND=noninteractive "$@" >"$log" 2>&1 || { cat "$log" >&2; return 1; }
}
run apt-get update -q || echo "apt-get update failed; trying with the lists that are here" >&2
# shellcheck disable=SC2086 # lists of package names
[ -z "$nice" ] || run apt-get install -q -y --no-install-recommends $nice ||
    echo "Could not install:$nice. Its tests will say that they skip." >&2
# shellcheck disable=SC2086
[ -z "$missing" ] || run apt-get install -q -y --no-install-recommends $missing || {
    echo "Could not install:$missing. Please install them by hand, then run make again." >&2
    exit 1
}
