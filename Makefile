# konsens: needs Python 3.11 or newer and make. `make help` lists the targets.

VENV := .venv
BIN := $(VENV)/bin
JOBS ?= 2
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input

COMPILE = $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-emit-index-url \
	--custom-compile-command 'make pins' $(UPGRADE) pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-long lint format types imports cover bench show-registry docs check reference pins clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' Makefile | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

setup: $(VENV)/.dev ## make .venv with everything pinned, and konsens in it

demo: $(VENV)/.run ## the whole way through, once, in a temporary folder
	@$(BIN)/konsens demo

test: $(VENV)/.dev ## all tests but the long ones
	$(BIN)/python -m pytest -n $(JOBS)

test-long: $(VENV)/.dev ## the tests that take minutes
	$(BIN)/python -m pytest -n $(JOBS) -m long

lint: $(VENV)/.dev ## ruff: rules and layout
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VENV)/.dev ## let ruff mend what it can
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/.dev ## mypy --strict
	$(BIN)/mypy

imports: $(VENV)/.dev ## imports point one way
	PYTHONPATH=typings $(BIN)/lint-imports

cover: $(VENV)/.dev ## coverage of lines and branches
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n $(JOBS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: $(VENV)/.dev ## every benchmark, one table
	@$(BIN)/python benchmarks/table.py

show-registry: $(VENV)/.dev ## the registry's promises, shown: a million entries, damage, witnesses, a fork, failover
	@$(BIN)/python examples/show_registry.py

docs: $(VENV)/.dev ## the documentation, into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: lint types imports docs test ## what must hold before a change lands

reference: $(VENV)/.dev ## write docs/commands.md from the commands
	$(BIN)/python -m konsens.cli.reference > docs/commands.md.new
	mv docs/commands.md.new docs/commands.md

pins: $(VENV)/.dev ## compile requirements/*.txt anew; `make pins UPGRADE=--upgrade` takes newer ones
	$(COMPILE) --all-extras --output-file requirements/dev.txt requirements/run.in requirements/dev.in
	$(COMPILE) --output-file requirements/run.txt requirements/run.in --constraints requirements/dev.txt

clean: ## remove what the targets made
	rm -rf $(VENV) build dist site *.egg-info .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache \
		.hypothesis .import_linter_cache

# The stamps: an install happens again only when what it reads has changed.

$(VENV)/.python:
	@sh requirements/find-python.sh $(VENV)
	@touch $@

$(VENV)/.run: $(VENV)/.python requirements/run.txt pyproject.toml
	@test ! -e $(VENV)/.dev || $(MAKE) --no-print-directory $(VENV)/.dev
	@test -e $(VENV)/.dev || { echo "konsens: installing the pinned packages into $(VENV) …"; \
		$(PIP) install --quiet --require-hashes -r requirements/run.txt && \
		$(PIP) install --quiet --no-build-isolation --no-deps -e . ; }
	@touch $@

$(VENV)/.dev: $(VENV)/.python requirements/dev.txt pyproject.toml
	@echo "konsens: installing the pinned packages into $(VENV), about a minute …"
	@$(PIP) install --quiet --require-hashes -r requirements/dev.txt
	@$(PIP) install --quiet --no-build-isolation --no-deps -e .
	@touch $@ $(VENV)/.run
