# Two commands do everything: `make run` and `make test`.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
export OMP_NUM_THREADS ?= 1
export PYTHONUTF8 = 1

.PHONY: run test check bench doctor lock clean help

help:            ## Show the commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

run: $(VENV)/.app  ## Install what is missing and start the app
	@$(BIN)/python -m pages.kit.launch

test: $(VENV)/.dev  ## Run every test, browser included
	@sh tests/browser/chromium.sh
	@$(BIN)/python -m pytest -n 2 --dist loadgroup

check: $(VENV)/.dev  ## Format, lint, types, arrows, doctests
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m pytest -q --doctest-modules --doctest-glob=README.md mlops_core tutor integrations README.md

bench: $(VENV)/.dev  ## Measure, as ratios within one run
	@$(BIN)/python -m tests.bench

doctor: $(VENV)/.app  ## Check this machine, the settings and the workspace
	@$(BIN)/python -m mlops_core doctor

lock: $(VENV)/.dev  ## Recompile the pinned requirements from pyproject.toml
	@$(BIN)/pip install --quiet uv
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --extra app pyproject.toml -o requirements.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --no-emit-index-url --no-header --no-annotate --extra app --extra test pyproject.toml -o requirements-dev.txt

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or newer is needed; $$($(PYTHON) --version) is too old. Run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 2; }
	@command -v git >/dev/null || { echo "git is needed and was not found. Install git and run make again."; exit 2; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/.app: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing packages into $(VENV) (the first time takes a few minutes)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.app
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

clean:           ## Remove the environment and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist *.egg-info
