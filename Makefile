# make train        install into .venv, then train on the packaged encoder and word pairs
# make test         install what the tests need as well, then run them
# make coverage     the same, in two thirds more time, and say which lines no test runs
# make docs         build the pages of docs/ into site/; a broken link is an error
#
# ARGS is passed on:  make train ARGS="encoder=glove"   make test ARGS="tests/removal -x"

PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin

.PHONY: train test coverage lint type bench docs clean

train: .venv/installed
	$(BIN)/python train.py $(ARGS)

# One process for each core with one thread each: processes that share cores and spin several threads wait on each other.
test: .venv/installed-dev
	OMP_NUM_THREADS=1 PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n auto --dist loadfile --no-loadscope-reorder $(ARGS)

coverage:
	$(MAKE) test ARGS="--cov --cov-report=term:skip-covered $(ARGS)"

lint: .venv/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

type: .venv/installed-dev
	$(BIN)/mypy

bench: .venv/installed-dev
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

docs: .venv/installed-docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

clean:
	rm -rf .venv site .mypy_cache .pytest_cache .ruff_cache .coverage build dist src/*.egg-info

.venv/installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("uncone needs Python 3.11 or newer: make PYTHON=...")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --editable .
	touch $@

.venv/installed-dev: .venv/installed requirements-dev.lock
	$(BIN)/python -m pip install --quiet -r requirements-dev.lock
	touch $@

.venv/installed-docs: .venv/installed requirements-docs.lock
	$(BIN)/python -m pip install --quiet -r requirements-docs.lock
	touch $@
