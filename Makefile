# One door per chore. Each does its own set-up, on a fresh clone too; nothing is installed outside this folder.

PYTHON := .venv/bin/python
# `make demo DEMO_FILE=... PROFILE=...` and the same names as environment variables both reach the demo. A name that
# nobody set stays unset: `export` alone would hand over an empty text.
ifdef DEMO_FILE
export DEMO_FILE
endif
ifdef PROFILE
export PROFILE
endif

# Without its cache Python compiles all sources again in each of the many processes of a stack and of the tests.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup demo preview guess explain run test bench check fix lock schemas clean

help:
	@echo "make demo    import a schedule file into the local Dynamics 365 and show what happened (DEMO_FILE=, PROFILE=)"
	@echo "make preview what the app would read from a schedule file, with a picture (FILE=, PROFILE=, ARGS=)"
	@echo "make guess   propose a schedule profile for an unknown file (FILE=, ARGS=)"
	@echo "make explain why a call is routed as it is (ARGS=\"--anum +358... --bnum +358...\")"
	@echo "make run     start everything on this machine and stay up until Ctrl-C"
	@echo "make test    all tests on all cores (or what ARGS= tells pytest: ARGS=tests/e2e, ARGS=\"-n auto -k blob\")"
	@echo "make bench   the Dataverse client and schedule imports beside their peers and limits (about 50 minutes; ARGS=\"--only bulk\", ARGS=--help)"
	@echo "make check   lint, formatting, types, import rules"
	@echo "make fix     repair what lint and formatting can repair"
	@echo "make lock    compile requirements.in and requirements-dev.in into the pinned files"
	@echo "make schemas write the JSON Schemas of the configuration documents (docs/schemas)"
	@echo "make setup   .venv and node_modules only; the other doors do it themselves"
	@echo "make clean   remove caches and build output (.venv and node_modules stay)"

setup:
	@sh local/setup.sh

demo: setup
	@$(PYTHON) -m local.demo

preview: setup
	@$(PYTHON) -m local.schedules preview "$(FILE)" --profile "$(PROFILE)" $(ARGS)

guess: setup
	@$(PYTHON) -m local.schedules guess "$(FILE)" $(ARGS)

explain: setup
	@$(PYTHON) -m local.routing explain $(ARGS)

run: setup
	@$(PYTHON) -m local.stack

# All tests run on all cores. With ARGS pytest gets those alone: one file is done sooner without workers.
test: setup
	@$(PYTHON) -m pytest $(or $(ARGS),-n auto)

# Installs the peers under build/ and ends with the number of bounds that are kept.
bench: setup
	@$(PYTHON) -m benchmarks $(ARGS)

# Every check runs, the failed ones are named at the end.
check: setup
	@failed=""; \
	$(PYTHON) -m ruff check . || failed="$$failed lint(ruff-check)"; \
	$(PYTHON) -m ruff format --check . || failed="$$failed formatting(ruff-format)"; \
	$(PYTHON) -m mypy || failed="$$failed types(mypy)"; \
	.venv/bin/lint-imports || failed="$$failed import-rules(lint-imports)"; \
	if [ -n "$$failed" ]; then echo "make check failed:$$failed" >&2; exit 1; fi

fix: setup
	@$(PYTHON) -m ruff check --fix . || true
	@$(PYTHON) -m ruff format .

LOCK = .venv/bin/uv pip compile --python-version 3.13 --generate-hashes --no-emit-index-url \
	--custom-compile-command 'make lock' -q

lock: setup
	@$(LOCK) requirements.in -o requirements.txt
	@$(LOCK) requirements-dev.in -o requirements-dev.txt
	@$(LOCK) benchmarks/peers/requirements.in -o benchmarks/peers/requirements.txt

schemas: setup
	@$(PYTHON) -m tests.architecture.schemas

clean:
	@rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -not -path './.venv/*' -not -path './node_modules/*' -prune -exec rm -rf {} +
