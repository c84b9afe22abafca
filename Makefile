# The few words that a person types; Meson does the building. `make help` lists them.

PYTHON ?= python3

.PHONY: all help check test demo bench fuzz tidy matrix install clean

all: build/build.ninja ## build the program: build/dialtone
	@ninja -C build

help: ## list these words
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

build/build.ninja:
	@tools/install build
	@meson setup build >/dev/null

check: ## unit tests and ladders, for the desk: seconds
	@tools/install build
	@$(MAKE) -s all
	@meson test -C build --no-rebuild --print-errorlogs

test: ## everything that CI runs; closes with "N passed, N failed"
	@tools/install build test
	@$(PYTHON) tools/test.py

tidy: ## the longest functions and files; a person judges
	@tools/install test
	@$(PYTHON) tools/tidy.py

clean: ## remove the builds
	@rm -rf build build-test
