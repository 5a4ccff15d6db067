# Everything a person does with this repository. `make` alone lists it.
# Needs: make and Python 3.11 or later. uv is used if present and fetched into .uv/ if not.

SHELL := /bin/sh
.DEFAULT_GOAL := help

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= $(firstword $(shell for p in python3 python3.14 python3.13 python3.12 python3.11 python; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && command -v $$p; done; true))
# Asked for late: it may be fetched on the way.
UV = $(or $(shell command -v uv),.uv/bin/uv)

# The virtualenv belongs to this Makefile, whatever is active in the shell; Python is the one found above.
unexport VIRTUAL_ENV
export UV_PROJECT_ENVIRONMENT := $(VENV)
export UV_PYTHON_DOWNLOADS := never
# Copies work across file systems without a warning, and nothing done to the virtualenv reaches the cache.
export UV_LINK_MODE ?= copy
# Where the system keeps certificates, they count: a company's own authority is only known there.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem),)
export UV_SYSTEM_CERTS ?= true
export UV_NATIVE_TLS ?= true
endif

.PHONY: help serve demo test fuzz fuzz-media bench-media check fmt docs doctor lock clean

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: $(VENV)/.serve ## Run PostgreSQL, the API and the worker; Ctrl-C stops them
	@SOUNDGRAPH_SUPERVISED=$$PPID exec $(BIN)/python -m soundgraph.entrypoints.cli.main serve

demo: $(VENV)/.serve ## Move in a small community with music, and serve it; Ctrl-C stops it
	@SOUNDGRAPH_SUPERVISED=$$PPID exec $(BIN)/python -m soundgraph.entrypoints.cli.main demo

test: $(VENV)/.dev ## Run all tests, with coverage
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -n 2 --dist loadgroup
	@$(BIN)/coverage combine --quiet
	@$(BIN)/coverage report --fail-under=95

FUZZ ?= 300
fuzz: $(VENV)/.dev ## Call every operation of the API with FUZZ random requests of each kind
	@SOUNDGRAPH_TEST_FUZZ=$(FUZZ) $(BIN)/pytest -n 2 tests/unit/http/test_operations.py

MUTATIONS ?= 2000
fuzz-media: $(VENV)/.dev ## Process MUTATIONS good files that were damaged at random
	@SOUNDGRAPH_TEST_MUTATIONS=$(MUTATIONS) $(BIN)/pytest -n 2 tests/integration/pyav/test_mutations.py

bench-media: $(VENV)/.dev ## Measure processing beside the command lines that do the same
	@$(BIN)/python -m bench.media

check: $(VENV)/.dev ## Check formatting, lint, types and the layers
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@$(BIN)/lint-imports

fmt: $(VENV)/.dev ## Format the code and fix what can be fixed
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

docs: $(VENV)/.dev ## Write the generated parts of the docs again
	@$(BIN)/python docs/excerpts.py
	@$(BIN)/python docs/reference.py

doctor: $(VENV)/.serve ## Check this installation and say what to do about what is wrong
	@$(BIN)/python -m soundgraph.entrypoints.cli.main doctor

lock: ## Update uv.lock after a change of dependencies
	$(bootstrap)
	@$(UV) lock

clean: ## Remove the virtualenv, caches and reports; data stays
	@rm -rf $(VENV) .uv dist htmlcov .coverage .coverage.* .mypy_cache .ruff_cache .pytest_cache .hypothesis
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# A virtualenv with a Python that will do, and a uv to fill it with.
define bootstrap
@test -n "$(PYTHON)" || { echo "soundgraph needs Python 3.11 or later; found: $$(python3 --version 2>&1)." \
	"Install it, or name it: make PYTHON=/path/to/python3" >&2; exit 1; }
@mkdir -p .uv
@command -v uv >/dev/null || test -x .uv/bin/uv \
	|| { $(PYTHON) -m venv .uv >.uv/log 2>&1 && .uv/bin/python -m pip install --quiet uv >>.uv/log 2>&1; } \
	|| $(PYTHON) -m pip install --quiet --target .uv uv >>.uv/log 2>&1 \
	|| { cat .uv/log; echo "uv could not be installed. Any one of these helps: install uv" \
		"(https://docs.astral.sh/uv), the package python3-venv, or the package python3-pip." >&2; exit 1; }
@test -x $(BIN)/python || $(UV) venv --quiet --allow-existing --python $(PYTHON) $(VENV)
endef

# Stamps: made again when the dependencies change, so that later runs start at once.
$(VENV)/.serve: pyproject.toml uv.lock
	$(bootstrap)
	@$(UV) sync --frozen --all-extras --inexact --no-dev
	@touch $@

$(VENV)/.dev: pyproject.toml uv.lock
	$(bootstrap)
	@$(UV) sync --frozen --all-extras --inexact --group dev
	@touch $@ $(VENV)/.serve
