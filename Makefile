# `make test` and `make demo` create .venv and install what they need when it is missing.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# The first interpreter that starts and is new enough. Set PYTHON to choose another.
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	if $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; \
	then echo $$python; break; fi; done)

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check \
	--constraint constraints.txt

# Real data sets lie beside the checkout on some machines. Tests skip without them.
SKLEARN_DL_DATA ?= $(wildcard $(abspath ../shared/data))
ifneq ($(SKLEARN_DL_DATA),)
export SKLEARN_DL_DATA
endif

# Test processes share the cores: one thread each.
WORKERS ?= 2
ONE_THREAD := OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 MKL_NUM_THREADS=1 \
	NUMBA_NUM_THREADS=1
PYTEST := $(ONE_THREAD) $(BIN)/python -m pytest
PARALLEL := -n $(WORKERS) --dist worksteal
DOCTEST := --doctest-modules --doctest-glob='*.rst' --doctest-glob='*.md' \
	sklearn_dl docs/guide docs/getting_started.rst docs/install.rst README.md

.PHONY: help
help: ## Show the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

.PHONY: venv
venv: $(VENV)/.installed ## Create .venv with the package, the tests' tools and plots.

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer is needed." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# torch comes first and alone, so that its pin is chosen before anything asks for it.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "Installing torch, then the package with the tests' tools, in $(VENV)."
	$(PIP) torch
	$(PIP) --editable '.[plot,test]'
	@touch $@

$(VENV)/.installed-docs: pyproject.toml constraints.txt | $(VENV)/.installed
	$(PIP) --editable '.[docs]'
	@touch $@

$(VENV)/.installed-benchmarks: pyproject.toml constraints.txt | $(VENV)/.installed
	$(PIP) --editable '.[benchmarks]'
	@touch $@

.PHONY: test
test: lint imports types ## All checks: style, floors, types, tests, doctests, examples.
	$(PYTEST) $(PARALLEL) tests $(DOCTEST)

.PHONY: test-fast
test-fast: venv ## The unit tests that take no more than a few seconds each.
	$(PYTEST) $(PARALLEL) -m "not slow" tests

.PHONY: lint
lint: venv ## Style and format.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

.PHONY: format
format: venv ## Mend what can be mended without thought.
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: imports
imports: venv ## The floors of the house: imports point down.
	$(BIN)/lint-imports

.PHONY: types
types: venv ## Static types.
	$(BIN)/mypy

.PHONY: doctest
doctest: venv ## The examples in docstrings and in the user guide.
	$(PYTEST) $(DOCTEST)

.PHONY: examples
examples: venv ## Run every example of the gallery, warnings as errors.
	$(PYTEST) tests/test_examples.py

.PHONY: docs
docs: $(VENV)/.installed-docs ## Build the site in docs/_build/html, warnings as errors.
	MPLBACKEND=Agg $(BIN)/python -m sphinx -E -W --keep-going -q \
		-d docs/_build/doctrees docs docs/_build/html

.PHONY: demo
demo: venv ## Compare four kinds of models on real data.
	$(BIN)/python -m sklearn_dl compare

.PHONY: bench
bench: $(VENV)/.installed-benchmarks ## Run every benchmark.
	for script in benchmarks/[a-z]*.py; do $(BIN)/python $$script; done

.PHONY: clean
clean: ## Remove what the targets built, .venv included.
	rm -rf $(VENV) build dist docs/_build docs/auto_examples docs/generated \
		.mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
