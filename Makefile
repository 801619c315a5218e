# One obvious command each. Every target sets up what it needs first; scripts/setup.py does only what is out of date.
#
#   make demo ONCE=1            check the numbers of the story and exit
#   make test ARGS="-k ledger"  hand options to pytest; JOBS=0 runs it in one process
#   make PYTHON=python3.13 test
#   make lock UPGRADE=1         move every locked version, not only what must move

PYTHON ?= python3
ARGS ?=
JOBS ?= 3
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help setup demo test faults lint format bench docs axe lock clean clean-all runtime

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: ## make the environment for work on Roost: .venv, the tools, the web assets
	@$(PYTHON) scripts/setup.py dev

runtime:
	@$(PYTHON) scripts/setup.py runtime

demo: runtime ## play the new-member journey and stay up; ONCE=1 checks it and exits
	$(BIN)/roost demo $(if $(filter 1,$(ONCE)),--once) $(ARGS)

test: setup ## run the whole suite, on SQLite and on PostgreSQL and Valkey
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

faults: setup ## run the long fault tests
	$(BIN)/pytest -q -m faults -o faulthandler_timeout=3600 $(ARGS)

lint: setup ## check style, types, layers, and manifests against code
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo
	$(BIN)/roost plugins check

format: setup ## put code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: setup ## measure speed beside the floor, an earlier build and two other frameworks, and say where the time goes
	$(BIN)/roost bench --beside --profile $(ARGS)

docs: setup ## write docs/reference.md from the code, and the OpenAPI document to build/docs/openapi.json
	@mkdir -p build/docs
	$(BIN)/roost plugins reference > build/docs/reference.md
	cp build/docs/reference.md docs/reference.md
	$(BIN)/roost openapi > build/docs/openapi.json

axe: setup ## look at every page of a running console with axe-core, in Chromium; see scripts/axe.mjs
	npm ci --ignore-scripts --no-audit --no-fund --silent
	node scripts/axe.mjs

lock: ## resolve pyproject.toml and package.json anew into the lock files; UPGRADE=1 moves every version
	@$(PYTHON) scripts/setup.py lock $(if $(filter 1,$(UPGRADE)),--upgrade)

clean: ## remove what builds and tools left behind
	rm -rf build dist .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache .schemathesis
	find core egress plugins integrations hosts tests scripts -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

clean-all: clean ## remove the environment and the web assets too
	rm -rf .venv .tools node_modules hosts/console/static/vendor
