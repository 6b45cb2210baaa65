# SPDX-License-Identifier: Apache-2.0
# The short way in: each target does its own set-up, on a machine that has only a C compiler, make, cmake, python3.
# What is built how is in CMakeLists.txt and CMakePresets.json; build directories are build/PRESET.

PREFIX ?= /usr/local/antiquant
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
PY := python3

.DEFAULT_GOAL := all
.PHONY: all help demo check check-asan check-tsan bench fmt fmt-check lint install clean
.NOTPARALLEL:

# $(call build,PRESET,TARGET): configure once (ninja does it again by itself when needed), then build.
build = @test -f build/$(1)/build.ninja || cmake --preset $(1) --log-level=WARNING >/dev/null
build += && cmake --build build/$(1) --parallel $(JOBS) --target $(2)

all: ## build the libraries and the command (build/release)
	@scripts/setup-debian.sh build
	$(call build,release,all)

install: ## install into PREFIX
	@scripts/setup-debian.sh build
	$(call build,release,all)
	@cmake --install build/release --prefix "$(PREFIX)" >/dev/null
	@echo "antiquant is in $(DESTDIR)$(PREFIX). To use it:  . $(PREFIX)/set_env.sh"

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 20
	@echo "  PREFIX=DIR: where install puts it (default $(PREFIX)); DESTDIR is honoured; JOBS=N: parallel jobs"
