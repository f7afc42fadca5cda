# Everything happens in this checkout: `make clean` leaves it as it was cloned.

# The first interpreter that is new enough; `make PYTHON=/path/to/python3.12 run` chooses another.
PYTHON ?= $(shell for name in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$name && break; done)
# One more than cores: many tests wait for other processes.
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
ARGS   ?=
VENV   := .venv
BIN    := $(VENV)/bin

export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_NO_CACHE_DIR := 1
# With it every process that a test or a benchmark starts would compile each module anew: it doubles their time.
unexport PYTHONDONTWRITEBYTECODE
# Pyright asks the network for a newer version of itself unless told not to.
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.DEFAULT_GOAL := help
.PHONY: help run once test test-long lint format requirements bench bench-quick bench-bars lock parts clean
.DELETE_ON_ERROR:

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(VENV)/.run ## install, then open the flow explorer on temporary servers; Ctrl-C ends it
	$(BIN)/sekisho demo

once: $(VENV)/.run ## install, then log in, call, refresh, log out and forge, for real, and end with a verdict
	$(BIN)/sekisho demo --once

test: parts lint ## lint, types, house rules and the suite (under 10 minutes on 2 cores); ARGS go to pytest
	$(BIN)/pytest -n $(JOBS) --dist worksteal $(ARGS)

test-long: parts $(VENV)/.dev ## storms, soaks and kill -9 rounds; ARGS go to pytest
	$(BIN)/pytest -m long --hypothesis-profile long $(ARGS)

lint: $(VENV)/.dev ## ruff, mypy, pyright and the import contracts
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

format: $(VENV)/.dev ## let ruff repair what it can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

requirements: $(VENV)/.dev ## which security requirements are held by which tests
	@$(BIN)/pytest --requirements -q

bench: parts $(VENV)/.dev ## side by side with what people would pick instead, into benchmarks/results (under 20 minutes)
	$(BIN)/python -m benchmarks

bench-quick: parts $(VENV)/.dev ## the same in under 3 minutes, with wider quartiles, into build/benchmarks
	$(BIN)/python -m benchmarks --quick

bench-bars: parts $(VENV)/.dev ## what may not grow beyond a bar, and how soon a revocation is known everywhere
	$(BIN)/python -m benchmarks.bars

lock: ## compile requirements/*.txt anew (ARGS=--upgrade to raise what is pinned)
	@command -v uv >/dev/null || { echo "make lock needs uv: pip install uv, or see docs.astral.sh/uv" >&2; exit 1; }
	$(LOCK) requirements/run.in $(DISTRIBUTIONS) --all-extras -o requirements/run.txt $(ARGS)
	$(LOCK) requirements/run.in requirements/dev.in $(DISTRIBUTIONS) --all-extras \
		-c requirements/run.txt -o requirements/dev.txt $(ARGS)
	sed -En 's/^((uvicorn|uvloop|httptools|psycopg|argon2-cffi|cryptography)[^;\\]*).*/\1/p' requirements/run.txt \
		| $(LOCK) requirements/peers.in -c - $(FROM_SOURCE) --no-emit-package flask-principal -o requirements/peers.txt $(ARGS)
	$(LOCK) requirements/peers-source.in --no-deps $(FROM_SOURCE) -o requirements/peers-source.txt $(ARGS)

# Names, versions and hashes only: where packages come from is the installing machine's business.
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	--only-binary :all: --no-emit-index-url --no-header --no-annotate --no-emit-package sekisho-verify
# See requirements/peers-source.in.
FROM_SOURCE := --no-binary flask-principal
DISTRIBUTIONS := verify/pyproject.toml server/pyproject.toml

parts: ## the real parts the tests run on (PostgreSQL): installed on Debian as root, named elsewhere
	@sh tests/parts/install.sh

clean: ## remove everything that was built or installed here
	rm -rf $(VENV) .venv-peers .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the virtual environment, in three stamps so that nothing is installed twice ---

# Wheels only: nothing that is downloaded runs while it is installed, and no unpinned build tool is fetched for it.
INSTALL := $(BIN)/pip install --quiet --require-hashes --only-binary :all:

$(BIN)/python:
	@[ -n "$(PYTHON)" ] || { echo "sekisho needs Python 3.11 or newer; make PYTHON=/path/to/it" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
		|| { echo "$(PYTHON) has no venv module; on Debian: apt-get install python3-venv" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.locked: requirements/run.txt | $(BIN)/python
	$(INSTALL) -r requirements/run.txt
	@touch $@

$(VENV)/.run: $(VENV)/.locked verify/pyproject.toml server/pyproject.toml
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e verify -e server
	@touch $@

$(VENV)/.dev: requirements/dev.txt $(VENV)/.run
	$(INSTALL) -r requirements/dev.txt
	@touch $@
