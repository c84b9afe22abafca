# The few words that a person types; Meson does the building. `make help` lists them.

PYTHON ?= python3

.PHONY: all help check test demo bench fuzz refuse sim soak tidy matrix install clean

all: build/build.ninja ## build the program: build/dialtone
	@ninja -C build

help: ## list these words
	@sed -n 's/^\([a-z]*\):[^#]*## /\1\t/p' Makefile | expand -t 12

build/build.ninja:
	@tools/install build
	@meson setup build >/dev/null

# Tests mostly wait: several to a core. Meson would have each octet that malloc gives filled, pools of which few are used.
check: ## unit tests and ladders, for the desk: seconds
	@tools/install build
	@$(MAKE) -s all
	@MALLOC_PERTURB_=0 meson test -C build --no-rebuild --print-errorlogs --suite unit --suite ladders --num-processes 6

test: ## everything that CI runs; closes with "N passed, N failed"
	@tools/install build test
	@$(PYTHON) tools/test.py

demo: ## the main job, with real telephones; KEEP=1 [ADDR=address]: a switch that stays
	@tools/install build demo
	@$(MAKE) -s build/build.ninja
	@ninja -C build dialtone
	@$(PYTHON) tools/demo.py $(if $(KEEP),--keep) $(if $(ADDR),--address $(ADDR))

bench: ## processor time of a registration and a call, memory of a line and a call; minutes
	@tools/install build
	@$(MAKE) -s all
	@$(PYTHON) bench/run.py --table docs/benchmarks.md

fuzz: ## TARGET=name SECONDS=n: feed a parser, or all of them, what it does not expect
	@tools/install build test
	@$(PYTHON) tools/test.py --fuzz-target '$(TARGET)' --fuzz-seconds $(or $(SECONDS),60) fuzz

refuse: ## SECONDS=n: for so long with each unit test program, allocations refused one at a time, then system calls (60)
	@tools/install build test
	@$(PYTHON) tools/test.py --refuse-seconds $(or $(SECONDS),60) refused

sim: ## SEED=n: that run of the simulator again, and its failure told; without it, three minutes of fresh seeds
	@tools/install build
	@$(MAKE) -s build/build.ninja
	@ninja -C build test/sim/sim
	@build/test/sim/sim $(if $(SEED),--seed $(SEED),--seconds 180 --jobs $$(nproc))

soak: ## HOURS=n: 200 kills under load, then fresh seeds of the simulator on all cores; those that fail: soak-failures.txt
	@tools/install build
	@$(MAKE) -s build/build.ninja
	@ninja -C build dialtone bench/sipload test/sim/sim
	@$(PYTHON) test/kills.py build/dialtone build/bench/sipload --kills 200
	@build/test/sim/sim --seconds $$(($(or $(HOURS),1) * 3600)) --jobs $$(nproc) --failures soak-failures.txt

matrix: all ## print the state machines into docs/fsm
	@build/matrix docs/fsm

tidy: ## the longest functions and files; a person judges
	@tools/install test
	@$(PYTHON) tools/tidy.py

clean: ## remove the builds
	@rm -rf build build-test
