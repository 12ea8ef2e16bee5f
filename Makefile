# Two commands matter: `make book` and `make test`. Both make the environment first, when it is missing or out of date.

PYTHON ?= python3
JOBS ?=
# --cov counts the lines and branches that the tests run, which takes a fifth more time; .ci/run asks for it.
COVERAGE ?=
# Where the recordings are on this machine, the pages show them.
PROFILE ?= $(if $(TREMORLAB_DATA),notebooks/recorded.yml)
PORT ?= 8000
# Of `make lock`: highest, or lowest-direct, the oldest packages that pyproject.toml allows.
RESOLUTION ?= highest
# Damaged files that `make fuzz` reads, and the number that decides which.
CASES ?= 20000
SEED ?= 1

# An interpreter is never downloaded: what builds the book is what this machine has.
export UV_PYTHON_DOWNLOADS := never

SOURCES := src tests benchmarks notebooks
BIN := .venv/bin
READY := .venv/.ready
BOOK := $(BIN)/tremorlab book $(if $(JOBS),-j $(JOBS))

.DEFAULT_GOAL := help
.PHONY: help env book book-fast test retrain fuzz serve pdf bench bench-quick bench-all results sync lint lock audit sbom peers clean

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-12s%s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(READY) ## set up .venv from the lock file, as every other verb does first

book: $(READY) ## run the pages that changed and render the book into _build/html
	$(BOOK) $(if $(PROFILE),--profile $(PROFILE))

book-fast: $(READY) ## the same with smaller numbers (notebooks/fast.yml)
	$(BOOK) --profile notebooks/fast.yml

test: $(READY) lint ## lint, then all tests (COVERAGE=--cov: with coverage)
	@# By file: what a file sets up once (a book, a browser, a wheel) is set up once.
	$(BIN)/python -m pytest -n 2 --dist loadfile $(COVERAGE)

retrain: $(READY) ## train a network that comes with the book again, from the simulation on, and compare (minutes)
	$(BIN)/python -m pytest -m retrains

fuzz: $(READY) ## read 20,000 damaged files of every format; what does harm is kept in _build/fuzz
	$(BIN)/python -m tests.fuzz --cases $(CASES) --seed $(SEED)

serve: $(READY) ## show the built book on this machine
	$(BIN)/python -m http.server --bind 127.0.0.1 --directory _build/html $(PORT)

pdf: book ## the book as one PDF, _build/book.pdf (needs Chromium)
	$(BIN)/python -m tremorlab.page.pdf

bench: $(READY) ## speed and memory beside a peer and a floor, in one run; the book shows the table (needs make peers)
	$(BIN)/python benchmarks/run.py

bench-quick: $(READY) ## the same, small: whether it works; nothing is judged or kept
	$(BIN)/python benchmarks/run.py --quick

bench-all: $(READY) ## the table, then how well methods work, kills and delays (hours)
	$(BIN)/python benchmarks/run.py --all

results: $(READY) ## train what is out of date among the results and networks that come with the book (up to hours)
	$(BIN)/python -m tremorlab.experiment.refresh

sync: $(READY) ## bring each page and its notebook twin in step (the newer wins), and list their parameters
	$(BIN)/jupytext --sync notebooks/[0-9]*.py
	$(BIN)/python -m tremorlab.page.pairs notebooks
	$(BIN)/python -m tremorlab.page.reference

lint: $(READY) ## style and formatting
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/ruff format --check $(SOURCES)

lock: ## choose versions anew within pyproject.toml (needs uv)
	@# With extras: a pin of `coverage` is none of `coverage[toml]` for pip, once there is a newer one.
	uv pip compile --quiet --upgrade --no-strip-extras --universal --python-version 3.11 --resolution $(RESOLUTION) --generate-hashes \
	  --extra book --extra test \
	  --custom-compile-command "make lock" pyproject.toml --output-file requirements.lock

audit: ## known holes in the packages of the lock file (needs uv and the network)
	uvx --from pip-audit==2.10.1 pip-audit --require-hashes --disable-pip --requirement requirements.lock

sbom: ## list the packages of the lock file as CycloneDX, _build/sbom.cdx.json (needs uv)
	mkdir -p _build
	uvx --from cyclonedx-bom==7.5.0 cyclonedx-py requirements --pyproject pyproject.toml --output-reproducible \
	  --output-format JSON --output-file _build/sbom.cdx.json requirements.lock

peers: $(READY) ## packages of others that tests and benchmarks compare with
	$(BIN)/python -m pip --version >/dev/null 2>&1 || $(BIN)/python -m ensurepip
	@# torch first, by itself: asked for by another package it comes with gigabytes of CUDA.
	$(BIN)/python -m pip install --quiet torch==2.13.0
	sed -nE 's/^([A-Za-z0-9._-]+)(\[[^]]*\])?(==[^\]*[^\ ]) *\\?$$/\1\3/p' requirements.lock > .venv/constraints.txt
	$(BIN)/python -m pip install --quiet --constraint .venv/constraints.txt seisbench "psycopg[binary]==3.3.9"

clean: ## remove what was built; the environment stays
	rm -rf _build dist .pytest_cache .ruff_cache .hypothesis .coverage .coverage.*

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
	  || { echo "$(PYTHON) is not Python 3.11, 3.12 or 3.13; name one that is: make PYTHON=python3.12 ..."; exit 1; }
	rm -rf .venv
	@# Compiled once here: pip does so by itself, and Python does not where PYTHONDONTWRITEBYTECODE is set.
	if command -v uv >/dev/null; then \
	  uv venv --quiet --python "$$(command -v $(PYTHON))" .venv && \
	  uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements.lock && \
	  uv pip install --quiet --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(PYTHON) -m venv .venv && \
	  $(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . ; \
	fi
	touch $(READY)
