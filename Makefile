# SPDX-License-Identifier: Apache-2.0
# The short way in: each target does its own set-up, on a machine that has only a C compiler, make, cmake, python3.
# What is built how is in CMakeLists.txt and CMakePresets.json; build directories are build/PRESET.

PREFIX ?= /usr/local/antiquant
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
BENCH ?= --shapes bench/shapes/quick.txt
C_FILES = $(shell find src include tools tests examples bench -name '*.[ch]' 2>/dev/null | sort)
TIDY_FILES = $(shell find src tools -name '*.c' | sort)

.DEFAULT_GOAL := all
.PHONY: all help demo check check-asan check-tsan bench bench-record bench-peers bench-kernels bench-runtime fmt fmt-check \
    lint install clean
.NOTPARALLEL:

# $(call build,PRESET,TARGET): configure once (ninja does it again by itself when needed), then build.
build = @test -f build/$(1)/build.ninja || cmake --preset $(1) >/dev/null
build += && cmake --build build/$(1) --parallel $(JOBS) --target $(2)
test = @$(2) python3 scripts/run_tests.py build/$(1) $(JOBS)
# gcc 12's thread sanitizer cannot start where the kernel randomizes addresses by more than 28 bits.
NO_ASLR = $(shell setarch -R true 2>/dev/null && echo setarch -R)

all: ## build the libraries and the command (build/release)
	@scripts/setup-debian.sh build
	$(call build,release,all)

demo: ## fetch a real model, run every layer of it through the operator, then the first example
	@scripts/setup-debian.sh build demo
	$(call build,release,all)
	@scripts/demo.sh build/release

check: ## all tests; the last line is the summary
	@scripts/setup-debian.sh build test
	$(call build,dev,all)
	$(call test,dev)

check-asan: ## the tests with address, leak and undefined behaviour sanitizers
	@scripts/setup-debian.sh build test
	$(call build,asan,all)
	$(call test,asan)

check-tsan: ## the tests with the thread sanitizer
	@scripts/setup-debian.sh build test
	$(call build,tsan,all)
	$(call test,tsan,$(NO_ASLR))

bench: ## time the operator beside the limits of this machine, two minutes; BENCH="--shapes FILE --json FILE ..."
	@scripts/setup-debian.sh build
	$(call build,release,all)
	@build/release/bin/antiquant bench $(BENCH)

bench-record: ## record what docs/PERFORMANCE.md shows, half an hour on a quiet machine, and rewrite it
	@scripts/setup-debian.sh build
	$(call build,release,all)
	@build/release/bin/antiquant bench --shapes bench/shapes/targets.txt --json build/limits.json
	@bench/report.py --file build/limits.json
	@bench/report.py

bench-kernels: ## time each kernel by itself
	@scripts/setup-debian.sh build test
	$(call build,dev,kernel_checker)
	@build/dev/tests/kernel_checker --bench

bench-runtime: ## time streams, events, tensors and phases
	@scripts/setup-debian.sh build test
	$(call build,dev,bench_runtime)
	@build/dev/tests/bench_runtime

bench-peers: ## install peers by name, time them and us in turns, check every result (FLAGS=--quick for three minutes)
	@scripts/setup-debian.sh build peers
	$(call build,release,all)
	@python3 bench/peers/setup.py build/peers
	@build/peers/venv/bin/python bench/peers/run.py $(FLAGS)

fmt: ## format the C files
	@scripts/setup-debian.sh lint
	@clang-format -i $(C_FILES)

fmt-check: ## fail when a C file is not formatted
	@scripts/setup-debian.sh lint
	@clang-format --dry-run --Werror $(C_FILES)

lint: ## static analysis, include directions, house rules
	@scripts/setup-debian.sh build test lint
	@cmake --preset dev >/dev/null
	@scripts/check_layers.py
	@scripts/check_tree.py
	@printf '%s\n' $(TIDY_FILES) | xargs -n 4 -P $(JOBS) clang-tidy -p build/dev --quiet 2>build/dev/clang-tidy.log \
	    || { cat build/dev/clang-tidy.log; false; } # its standard error only counts what it suppressed

install: ## install into PREFIX
	@scripts/setup-debian.sh build
	$(call build,release,all)
	@cmake --install build/release --prefix "$(PREFIX)" >/dev/null
	@echo "antiquant is in $(DESTDIR)$(PREFIX). To use it:  . \"$(PREFIX)/set_env.sh\""

clean: ## remove build/ (the fetched model in models/ stays)
	@rm -rf build

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 22
	@echo "  PREFIX=DIR: where install puts it (default $(PREFIX)); DESTDIR is honoured; JOBS=N: parallel jobs"
