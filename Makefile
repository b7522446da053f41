# `make train` and `make test` do all the set-up by themselves.
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(SUPPORTED)' 2>/dev/null && echo $$python && break; done),python3)
VENV ?= .venv
BIN := $(VENV)/bin

help:  ## print what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: help setup train test coverage slow fuzz faults bench docs lint sbom

train: $(VENV)/.can-train  ## train on the best reviews at hand; more options by ARGS='--epochs 3'
	$(BIN)/python flows/train_flow.py $(ARGS)
	@echo 'For the next command: source $(BIN)/activate'

# Of the order of the tests in each file, which is random.
SEED ?= 324

# Counting lines costs little from Python 3.12 on, so there all tests together hold the floor.
COUNTED := --cov=flows --cov=tasks
FLOOR = $(if $(ARGS),,$(shell $(BIN)/python -c 'import sys; print("$(COUNTED)" * (sys.version_info >= (3, 12)))'))

# Three processes: most tests wait for servers and for TensorFlow to start.
test: setup lint  ## format, lint, type-check and test, as CI does
	$(BIN)/python -m pytest --numprocesses 3 --dist loadfile --no-loadscope-reorder \
		-p randomly --randomly-seed=$(SEED) $(FLOOR) $(ARGS)

# The same with branches, and on any Python; a third longer.
coverage:  ## test with a floor for the coverage of lines and branches
	$(MAKE) test ARGS='$(COUNTED) --cov-branch $(ARGS)'

slow: setup  ## the tests that train for minutes
	$(BIN)/python -m pytest -m slow $(ARGS)

fuzz: setup  ## the property tests with random examples, ten times as many
	HYPOTHESIS_PROFILE=random $(BIN)/python -m pytest -m 'hypothesis and not slow' --numprocesses 2 $(ARGS)

# The fault suite with its slow part, 200 more kills; writes its table into the docs.
faults: setup  ## the whole fault suite, 200 kills and more; renews docs/faults.md
	$(BIN)/python -m pytest -m 'slow or not slow' --numprocesses 2 --dist loadfile \
		--fault-table docs/faults.md \
		tests/faults/test_faults.py tests/training/test_resume.py tests/flows/pipelines/test_two_runs.py tests/faults/test_server_death.py

# Half an hour on two idle cores. ARGS=--keep renews what the next ones are compared with.
bench: setup  ## measure the leaderboard, and name what got worse by more than its noise
	$(BIN)/python -m benchmarks.leaderboard $(ARGS)

docs: setup  ## the docs as a site, in site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

lint: setup  ## format, lint, types, dependencies, imports
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/deptry .
	$(BIN)/lint-imports

setup: $(VENV)/.installed  ## make the environment in .venv

PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

# uv takes a third of pip's time, from the same pins; where there is none, the environment gets its
# own. What it cannot get, as from an index that only pip is told of, pip gets. `make UV=` is pip alone.
UV ?= $(or $(shell command -v uv),$(BIN)/uv)
install = $(if $(UV),$(UV) pip install --quiet --python $(BIN)/python $(1) || )$(PIP) $(1)

$(VENV)/.can-train $(VENV)/.installed: export PYTHONWARNINGS = ignore

# All that a training needs, each file checked by its hash.
$(VENV)/.can-train: pyproject.toml requirements.txt
	@$(PYTHON) -c '$(SUPPORTED)' || { \
		echo '$(PYTHON) is not Python 3.11 to 3.13: install one, and give it as in `make PYTHON=python3.13`' >&2; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(if $(filter $(BIN)/uv,$(UV)),$(PIP) --require-hashes -r deploy/uv.txt || true)
	$(call install,--no-deps --require-hashes -r requirements.txt)
	$(call install,--no-deps --no-build-isolation -e .)
	touch $@

# What tests and extras need beside that. The constraints pin every package exactly: the newest of
# all do not work together.
$(VENV)/.installed: $(VENV)/.can-train constraints.txt
	$(call install,--no-build-isolation -c constraints.txt -e '.[dev]')
	touch $@

# What the main job is made of, with hashes: https://cyclonedx.org/specification/overview/
SBOM ?= sbom.json
sbom:  ## list all that the main job needs, with hashes, as CycloneDX JSON
	$(PYTHON) -m venv $(VENV)-sbom
	$(VENV)-sbom/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt cyclonedx-bom
	PYTHONWARNINGS=ignore $(VENV)-sbom/bin/cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
		--output-file $(SBOM) requirements.txt
