# `make train` and `make test` do all the set-up by themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin

.PHONY: setup train test slow lint

train: setup
	$(BIN)/python flows/train_flow.py $(ARGS)

test: setup lint
	$(BIN)/python -m pytest $(ARGS)

slow: setup
	$(BIN)/python -m pytest -m slow $(ARGS)

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

setup: $(VENV)/.installed

# The constraints pin every package exactly: the newest of all do not work together.
$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@
