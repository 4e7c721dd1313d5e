# Each target makes what it needs: with Python 3.11 or newer and nothing else, `make demo` or `make test` is enough.

VENV ?= .venv
BIN := $(VENV)/bin
# The Python the environment is made with; `make PYTHON=python3.12 test` chooses another.
PYTHON ?= $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo "$$p" && break; done)
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help demo test test-slow lint bench docs clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  make \1\t/' | expand -t 18

demo: $(VENV)/examples.stamp  ## train on handwritten digits, draw the graphs, write the derivation into out/
	$(BIN)/python examples/digits.py

test: $(VENV)/dev.stamp  ## the test suite, without what is slow
	$(BIN)/python -m pytest -q -n 2 --benchmark-skip -m "not slow"

test-slow: $(VENV)/dev.stamp  ## what the test suite leaves out
	$(BIN)/python -m pytest -q -n 2 --benchmark-skip -m slow

lint: $(VENV)/dev.stamp  ## ruff and mypy
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

bench: $(VENV)/dev.stamp  ## the benchmarks
	$(BIN)/python -m pytest -q tests/bench --benchmark-only

docs: $(VENV)/docs.stamp  ## the documentation as a site in out/site, its pictures and derivations made on the way
	$(BIN)/python docs/generate.py
	$(BIN)/python -m sphinx -q -W --keep-going -d out/doctrees docs out/site

clean:  ## remove the environment, caches and what the demo wrote
	rm -rf $(VENV) out build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(VENV)/examples.stamp: EXTRA := examples
$(VENV)/dev.stamp: EXTRA := dev
$(VENV)/docs.stamp: EXTRA := docs
$(VENV)/%.stamp: pyproject.toml | $(BIN)/python
	$(PIP) install -e ".[$(EXTRA)]"
	@# As for any installed package: without it, each process compiles the sources where Python may not keep what it made.
	@$(BIN)/python -m compileall -q graphc
	@touch $@

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "graphc needs Python 3.11 or newer; none was found. Install one, or name it:" \
		"make PYTHON=/path/to/python3" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "graphc needs Python 3.11 or newer;" \
		"$(PYTHON) is older, or no Python" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); echo "$(PYTHON) could not make an environment; on Debian and" \
		"Ubuntu that takes the package python3-venv" >&2; exit 1; }
