PYTHON ?= python3.13
VENV := .venv
ARGS ?=
BENCHES ?= rules oscar limits sales month groups identity backtest audit reconcile settle ingest

# Python keeps what it compiled, whatever it is told elsewhere: each process of a run would compile everything anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help run seed test soak bench lint format reset venv
.DEFAULT_GOAL := help

help:
	@echo "make run     start everything here and print how to use it (Ctrl-C stops it)"
	@echo "make seed    load 100,000 products and 5,000 stores into what make run runs"
	@echo "make test    run all tests; needs nothing running (ARGS='-k name' to choose)"
	@echo "make soak    run the long forms of the tests, minutes each"
	@echo "make bench   measure the app beside limits and peers, two hours and more (BENCHES='rules limits' or none)"
	@echo "make lint    check style, types and imports (the tests run the same commands)"
	@echo "make format  format the code and mend what can be mended by itself"
	@echo "make reset   remove local data; the next run starts afresh"
	@echo
	@echo "Ports of make run: API_PORT=7071 MSG91_PORT=7072 BLOB_PORT=10000 QUEUE_PORT=10001 TABLE_PORT=10002"
	@echo "Instead of its own parts: DATABASE_URL, AZURE_STORAGE_CONNECTION_STRING, HOST_URL (a running func start)"
	@echo "Host: WORKERS=2 processes, ENABLE_AUTH=1 asks for function keys, RELOAD=0 leaves changed files alone"
	@echo "Another interpreter: PYTHON=/path/to/python3.13"

run: venv
	@$(VENV)/bin/python -m devhost run --with-parent

seed: venv
	@$(VENV)/bin/python -m samples.seed

test: venv
	@$(VENV)/bin/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder $(ARGS)

soak: venv
	@$(VENV)/bin/python -m pytest -m soak $(ARGS)

bench: venv
	@$(VENV)/bin/python -m bench
	@for each in $(BENCHES); do echo "== $$each"; $(VENV)/bin/python -m bench.$$each --write || exit 1; done

lint: venv
	@$(VENV)/bin/ruff check --no-cache .
	@$(VENV)/bin/ruff format --no-cache --check .
	@$(VENV)/bin/basedpyright
	@$(VENV)/bin/lint-imports --no-cache

format: venv
	@$(VENV)/bin/ruff check --no-cache --fix-only .
	@$(VENV)/bin/ruff format --no-cache .

reset: venv
	@$(VENV)/bin/python -m devhost reset

# Installs only when the requirements differ from those installed last.
venv:
	@wanted="$$(cat requirements.txt requirements-dev.txt | cksum)"; \
	if [ "$$(cat $(VENV)/installed 2>/dev/null)" != "$$wanted" ] || ! $(VENV)/bin/python -c ''; then \
		$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 13))' \
			|| { echo "Python 3.13 is needed: make PYTHON=/path/to/python3.13 ..." >&2; exit 1; }; \
		echo "  Installing requirements into $(VENV), once" \
		&& $(PYTHON) -m venv $(VENV) \
		&& $(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt \
		&& echo "$$wanted" > $(VENV)/installed; \
	fi
