# Every command prepares what it needs: Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
OLD := .venv-old

.PHONY: setup demo test test-old lint bench js lab

$(READY): pyproject.toml
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	$(PY) -m pip install --quiet --editable ".[all]" --group test --group lint
	@touch $@

setup: $(READY)  ## the environment alone

demo: $(READY)  ## the quickstart in two fresh kernels against a paid API: the second run pays nothing
	$(PY) notebooks/demo.py

test: $(READY)  ## the whole test suite; the browser tests in a process of their own
	$(PY) -m pytest -n auto -m "not browser"
	$(PY) -m pytest -m browser

$(OLD)/.ready: pyproject.toml Makefile
	@test -x $(OLD)/bin/python || $(PYTHON) -m venv $(OLD)
	$(OLD)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(OLD)/bin/python -m pip install --quiet --editable ".[data]" --group test "ipython>=8.24,<8.25" "ipykernel<7" "duckdb==1.4.*"
	@touch $@

test-old: $(OLD)/.ready  ## notebooks, catalog and functions on the oldest IPython, ipykernel and DuckDB
	$(OLD)/bin/python -m pytest -n auto tests/notebook tests/catalog tests/spot

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@if command -v npm > /dev/null; then cd js && npm ci --silent && npm run --silent check; else echo "npm is missing: the panel's source was not checked"; test "$$CI" != true; fi

bench: $(READY)  ## figures side by side with peers, as ratios
	$(PY) -m tests.bench

js:  ## rebuild the panel's bundle
	cd js && npm ci --silent && npm run --silent build

lab: $(READY)  ## JupyterLab on the notebooks
	$(VENV)/bin/jupyter lab notebooks
