# What CI runs, by name. `make` alone lists the targets.
#
# Everything is built as --release --workspace: build, test and demo then share every compiled dependency,
# and clippy and doc share the one metadata pass that they need beside it. Nothing is compiled twice.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:

CARGO ?= cargo
PROFILE := --release --workspace
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
TEST_LOG := $(TARGET_DIR)/test.log

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## build scalectl and see it at work on this machine; needs Rust, gcc and make only
	@command -v $(CARGO) >/dev/null || { echo "demo: cargo was not found; install Rust from https://rustup.rs"; exit 1; }
	@echo "demo: building scalectl (the first build compiles some 500 crates: 5 to 13 minutes on two cores)"
	@$(CARGO) build $(PROFILE) --locked
	@echo "demo: built; running scalectl demo (about a minute)"
	@$(TARGET_DIR)/release/scalectl demo

.PHONY: build
build: ## build everything
	$(CARGO) build $(PROFILE) --locked

.PHONY: test
test: tools fmt deny clippy doc run-tests ## what CI runs: servers, format, licences, lints, docs, every test

.PHONY: tools
tools: ## install what the tests need beside Rust, where it is missing: servers, cargo-deny
	@scripts/install-tools.sh

.PHONY: fmt
fmt: ## check the format of the code
	$(CARGO) fmt --all --check

.PHONY: clippy
clippy: ## lints, warnings denied
	$(CARGO) clippy $(PROFILE) --locked --all-targets -- -D warnings

.PHONY: doc
doc: ## documentation, warnings denied
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc $(PROFILE) --locked --no-deps --document-private-items

.PHONY: deny
deny: ## licences, bans, sources of the dependencies, and advisories where a database is at hand
	@scripts/check-dependencies.sh

.PHONY: soak
soak: ROUNDS ?= 100
soak: SCHEDULES ?= 1000000
soak: LOAD ?= 1800
soak: ## chance decides what goes wrong while state moves: ROUNDS rounds on each store (half a minute each), SCHEDULES simulated; LOAD seconds of load that must leave nothing behind
	$(CARGO) build $(PROFILE) --locked --examples
	STATE_SIM_FIRST=100000 STATE_SIM_SCHEDULES=$(SCHEDULES) $(CARGO) test $(PROFILE) --locked --lib -- any_schedule
	STATE_FAULTS_ROUNDS=$(ROUNDS) $(CARGO) test $(PROFILE) --locked --test integration -- state_faults::random --nocapture
	LOADTEST_SOAK=$(LOAD) $(CARGO) test $(PROFILE) --locked --test integration -- loadtest_drills::a_soak --nocapture

.PHONY: fuzz
fuzz: EACH ?= 120
fuzz: ## chance writes what others may send or have written, EACH seconds for every reader; needs a C++ compiler
	@CARGO=$(CARGO) FUZZ_TARGET_DIR=$(abspath $(TARGET_DIR))/fuzz fuzz/run.sh $(EACH)

.PHONY: bench
bench: build ## rates, memory, plans of indexes, state that moves, beside a peer's in one run; needs wrk and `make tools`
	$(CARGO) build $(PROFILE) --locked --examples
	@benches/http-rate.sh
	@benches/peers.sh
	@benches/workers.sh
	@benches/sockets.sh
	@benches/indexes.sh
	@benches/state-overhead.sh
	@benches/state-verify.sh
	@benches/state-chess.sh

# A failed test does not hide the ones after it, and the totals stand on the last lines.
.PHONY: run-tests
run-tests: ## every test, without the checks around them
	@mkdir -p $(TARGET_DIR)
	$(CARGO) test $(PROFILE) --locked --no-fail-fast 2>&1 | tee $(TEST_LOG) || { scripts/count-tests.sh $(TEST_LOG); exit 1; }
	@scripts/count-tests.sh $(TEST_LOG)
