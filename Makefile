# Bailiwick: everything a person or a CI job calls. `make help` lists it.
.DEFAULT_GOAL := help
.PHONY: help run start stop status test check test-agents red-team-full bench lock screenshots clean

# Looked up only when the environment has to be made; afterwards .venv's own Python is used.
SYSTEM_PYTHON = $(firstword $(foreach name,python3.11 python3 python3.12 python3.13,$(shell \
	$(name) -c 'import sys; (3, 11) <= sys.version_info[:2] < (3, 14) and print(sys.executable)' 2>/dev/null)))
PYTHON := .venv/bin/python
SOURCES := portal registry approvals reports tests manage.py
BOOTSTRAP := portal/embedded/bootstrap.py

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.venv/.stamp-run: requirements.lock $(BOOTSTRAP)
	@test -n "$(SYSTEM_PYTHON)" || { echo "Bailiwick needs Python 3.11, 3.12 or 3.13."; exit 1; }
	@$(SYSTEM_PYTHON) $(BOOTSTRAP)

.venv/.stamp-dev: requirements-dev.lock $(BOOTSTRAP)
	@test -n "$(SYSTEM_PYTHON)" || { echo "Bailiwick needs Python 3.11, 3.12 or 3.13."; exit 1; }
	@$(SYSTEM_PYTHON) $(BOOTSTRAP) --dev

run: .venv/.stamp-run ## Run the portal with its own PostgreSQL (BAILIWICK_DETACH=1: in the background)
	@$(PYTHON) -m portal.embedded run

start: .venv/.stamp-run ## Run the portal in the background
	@$(PYTHON) -m portal.embedded start

stop: ## Stop the portal, or what a killed one left behind
	@test ! -x $(PYTHON) || $(PYTHON) -m portal.embedded stop

status: ## Say whether the portal runs, and where
	@test ! -x $(PYTHON) || $(PYTHON) -m portal.embedded status || true

test: .venv/.stamp-dev ## Run the tests on a PostgreSQL of their own
	@$(PYTHON) -m pytest -q -n 2

check: .venv/.stamp-dev ## Lint, types, migrations, templates, layers, deployment settings
	$(PYTHON) -m ruff check .
	$(PYTHON) -m ruff format --check .
	$(PYTHON) -m mypy $(SOURCES)
	DJANGO_SETTINGS_MODULE=portal.settings.test $(PYTHON) -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(PYTHON) -m pytest -q -p no:randomly tests/test_templates.py tests/test_architecture.py
	$(PYTHON) -m tests.deployment

test-agents: .venv/.stamp-dev ## Run the tests against released agents (slow)
	@BAILIWICK_TEST_AGENTS=1 $(PYTHON) -m pytest -q -p no:randomly tests/agents

red-team-full: .venv/.stamp-dev ## Run the hostile cases with 10,000 trials of each race (an hour or two)
	@BAILIWICK_RED_TEAM_TRIALS=10000 $(PYTHON) -m pytest -q -n 2 --dist worksteal -p no:randomly tests/red_team

bench: .venv/.stamp-dev ## Measure checks, approvals, the inbox, stops, backtests, lists, ingest and packages
	@$(PYTHON) -m tests.benchmarks

screenshots: .venv/.stamp-dev ## Take pictures of every page with headless Chromium
	@$(PYTHON) -m tests.browser.screenshots

lock: ## Resolve the dependencies of pyproject.toml again (needs uv)
	uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 --upgrade pyproject.toml -o requirements.lock
	uv pip compile --quiet --universal --no-header --generate-hashes --python-version 3.11 --group dev pyproject.toml \
		-c requirements.lock -o requirements-dev.lock

clean: stop ## Remove caches and the virtual environment (the data in var/ stay)
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
