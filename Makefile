# Every command prepares what it needs: Python 3.11+ and make are enough.
PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
READY := $(VENV)/.ready
OLD := .venv-old
NEW := .venv-new
DOCS := .venv-docs
PINS := tests/constraints
GROUPS := --group test --group sdks

.PHONY: setup demo test test-quick slowest test-old test-new newest constraints lint bench js docs lab

$(READY): pyproject.toml $(PINS)/current.txt
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	$(PY) -m pip install --quiet --upgrade "pip>=25.1"
	$(PY) -m pip install --quiet --editable ".[all]" $(GROUPS) --group lint --constraint $(PINS)/current.txt
	@touch $@

setup: $(READY)  ## the environment alone

demo: $(READY)  ## the quickstart in two fresh kernels against a paid API: the second run pays nothing
	$(PY) notebooks/demo.py

test: $(READY)  ## the whole test suite; the browser tests in a process of their own
	$(PY) -m pytest -n auto --dist loadgroup -m "not browser"
	$(PY) -m pytest -m browser

test-quick: $(READY)  ## most tests, within two minutes: without kernels, browsers and what takes long
	$(PY) -m pytest -n auto --dist loadgroup -q -m "not browser and not kernel and not slow"

slowest: $(READY)  ## write down which tests take long, for test-quick
	$(PY) -m pytest -n auto --dist loadgroup -q -m "not browser and not kernel" --junitxml=build/times.xml
	$(PY) tests/slowest.py build/times.xml

$(OLD)/.ready: pyproject.toml $(PINS)/oldest.txt
	@test -x $(OLD)/bin/python || $(PYTHON) -m venv $(OLD)
	$(OLD)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(OLD)/bin/python -m pip install --quiet --editable ".[data]" --group test --constraint $(PINS)/oldest.txt
	@touch $@

test-old: $(OLD)/.ready  ## what stands on other packages, on their oldest releases
	$(OLD)/bin/python -m pytest -n auto --dist loadgroup --ignore-glob="*_sdks.py" tests/notebook tests/catalog tests/spot tests/keys tests/codecs

newest:
	@test -x $(NEW)/bin/python || $(PYTHON) -m venv $(NEW)
	$(NEW)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(NEW)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --editable ".[all]" $(GROUPS) --group lint

test-new: newest  ## the same on the newest releases of everything
	$(NEW)/bin/python -m pytest -n auto --dist loadgroup tests/notebook tests/spot tests/keys tests/values tests/codecs tests/wrap

constraints: newest  ## write the newest releases down, for `make test` of every later day
	(echo "# Written by \`make constraints\`."; $(NEW)/bin/python -m pip freeze --exclude-editable) > $(PINS)/current.txt
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(DOCS)/bin/python -m pip install --quiet --upgrade --upgrade-strategy eager --group docs
	(echo "# Written by \`make constraints\`."; $(DOCS)/bin/python -m pip freeze) > $(PINS)/docs.txt

lint: $(READY)
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	@if command -v npm > /dev/null; then cd js && npm ci --silent && npm run --silent check; else echo "npm is missing: the panel's source was not checked"; test "$$CI" != true; fi

bench: $(READY)  ## figures side by side with peers, as ratios
	$(PY) -m tests.bench

js:  ## rebuild the panel's bundle
	cd js && npm ci --silent && npm run --silent build

$(DOCS)/.ready: pyproject.toml $(PINS)/docs.txt
	@test -x $(DOCS)/bin/python || $(PYTHON) -m venv $(DOCS)
	$(DOCS)/bin/python -m pip install --quiet --upgrade "pip>=25.1"
	$(DOCS)/bin/python -m pip install --quiet --group docs --constraint $(PINS)/docs.txt
	@touch $@

docs: $(DOCS)/.ready  ## the pages as a site, with the API from docstrings, in site/
	$(DOCS)/bin/zensical build --strict

lab: $(READY)  ## JupyterLab on the notebooks
	$(VENV)/bin/jupyter lab notebooks
