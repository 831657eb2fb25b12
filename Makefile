# Orderline. `make` alone lists the targets.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/installed
ASTERISK ?= auto
ERP ?= tryton
KILL ?=
LAB := $(PY) -m tests.rig.lab
# Calls take the time that they take: two files of tests at once halve it.
WORKERS := -n 2 --dist loadfile
# Runs a command where espeak-ng is found, also on a machine that has none.
WITH_VOICE := $(PY) -m tests.rig.tools

# The first Python from 3.10 to 3.13 that the machine has.
FIND_PYTHON = for python in python3 python3.13 python3.12 python3.11 python3.10; do \
	$$python -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null \
	&& { command -v $$python; break; }; done

.DEFAULT_GOAL := help
.PHONY: help demo test test-full lab lab-status lab-down check style types unit fetch script docs clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: $(STAMP) ## place two real calls (ERP=odoo, postgresql, mariadb; KILL=1 kills the agent)
	@$(WITH_VOICE) $(PY) -m tests.rig.demo --asterisk $(ASTERISK) --erp $(ERP) $(if $(KILL),--kill)

test: $(STAMP) style types fetch ## all tests, with a real Asterisk and a real ERP
	@$(WITH_VOICE) $(PY) -m pytest $(WORKERS) tests/integration tests/unit

test-full: export ORDERLINE_FULL = 1
test-full: test ## the same, with the long tests

lab: $(STAMP) ## start Asterisk, the ERP and the voice process (ASTERISK=16 or 22)
	@$(LAB) up --asterisk $(ASTERISK)

lab-status: $(STAMP) ## print where the lab is, as JSON (make -s lab-status)
	@$(LAB) status

lab-down: ## end the lab
	@test ! -x $(PY) || $(LAB) down

check: style types unit ## style, types and unit tests: a minute, no Asterisk

style: $(STAMP) ## ruff
	@$(PY) -m ruff check

types: $(STAMP) ## mypy --strict
	@$(PY) -m mypy

unit: $(STAMP) ## unit tests
	@$(WITH_VOICE) $(PY) -m pytest tests/unit

fetch: $(STAMP) ## download what the lab and the tests need: Asterisk 22 and 16, the ERPs, voices
	@$(LAB) fetch

script: $(STAMP) ## build dist/orderline.agi, the AGI script for the PBX host
	@mkdir -p dist
	@$(VENV)/bin/orderline script --out dist/orderline.agi

docs: $(STAMP) ## draw the pictures of the documentation from the tables
	@$(PY) -m asterisk_agi.dialogue.picture docs/dialogue.rst
	@$(PY) -m erp.commands.matrix docs/erp_matrix.rst
	@$(PY) -m erp.events.describe docs/event_types.rst

clean: ## remove what was built (the cache in your home stays)
	@test ! -x $(PY) || $(LAB) down
	@rm -rf $(VENV) .lab build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(STAMP): setup.cfg pyproject.toml
	@python=$$($(FIND_PYTHON)); \
	test -n "$$python" || { echo "There is no Python 3.10 to 3.13 here: install python3." >&2; exit 1; }; \
	$$python -m tests.rig.venv $(VENV)
