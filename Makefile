# What can be done here; each target sets up what it needs, on Python 3.11 or newer.
#
#   make try        the whole story on this machine: REPO=path BASE=rev HEAD=rev ARGS='--say "reviewer: /approve"'
#   make test       everything that has to pass       make check   its static part: style and types
#   make coverage   every branch of domain and trust  make kill    every crash point
#   make processes  the longer stories: processes in every way they may end, watching, jobs on a runner
#   make stories    every story on every route, and with every trouble at every call of it (an hour)
#   make walk       people doing anything in any order: 20,000,000 transitions, or TRANSITIONS=…
#   make proof      each guard of the security core is taken out, and missed; every state of a small world
#   make fuzz       generated calls at the stand-in   make bench   how fast webhooks are taken in
#   make picture    the pictures of the README, by Chromium

# Hundreds of processes start in the tests: each would compile the sources anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PARALLEL := -n 4 --dist worksteal  # two for each of two cores: stories wait a lot
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check

.DEFAULT_GOAL := help
.PHONY: help try test check coverage processes stories proof walk fuzz kill bench picture

help:
	@sed -n '3,12s/^# *//p' Makefile

try: $(VENV)/try.stamp
	@$(BIN)/gate-app try $(if $(REPO),--repo "$(REPO)") $(if $(BASE),--base "$(BASE)") $(if $(HEAD),--head "$(HEAD)") $(ARGS)

test: check coverage
	@$(BIN)/pytest -q $(PARALLEL) --ignore=tests/domain --ignore=tests/trust

check: $(VENV)/dev.stamp
	@$(BIN)/ruff check --quiet
	@$(BIN)/ruff format --quiet --check
	@$(BIN)/mypy --no-error-summary

processes: $(VENV)/dev.stamp
	@$(BIN)/pytest -q $(PARALLEL) -m processes

stories: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n 6 -m slow tests/stories  # mostly they wait

proof: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n auto -m slow tests/proof

walk: $(VENV)/dev.stamp
	@cd tests && ../$(BIN)/python -m support.walking $(if $(TRANSITIONS),--transitions $(TRANSITIONS)) $(if $(SEED),--seed $(SEED))

fuzz: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n auto -m slow tests/contracts

coverage: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n 2 tests/domain tests/trust --cov=gate_app.domain --cov=gate_app.trust --cov-fail-under=100 \
		--cov-report=term-missing:skip-covered

kill: $(VENV)/dev.stamp
	@$(BIN)/pytest -q -n auto -m slow tests/faults

bench: $(VENV)/dev.stamp
	@$(BIN)/python -m bench.intake

picture: $(VENV)/dev.stamp
	@$(BIN)/python docs/picture.py

$(VENV)/try.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing what gate-app needs into $(VENV) …"
	@$(PIP) --editable '.[try]'
	@touch $@

$(VENV)/dev.stamp: pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need into $(VENV) …"
	@$(PIP) --editable '.[dev]'
	@touch $@ $(VENV)/try.stamp

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed; name one: make PYTHON=/path/to/python3.11"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
