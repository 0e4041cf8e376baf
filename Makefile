# Two targets do everything on a fresh machine: `make run` and `make test`.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: env run test lint browser lock clean

env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; name one with make PYTHON=python3.11 $(MAKECMDGOALS)"; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

run: env
	$(BIN)/ioc demo

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The wall's tests draw it in Chromium; where it can neither be found nor installed they are skipped, saying so.
browser:
	@command -v chromium >/dev/null || { [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
	  apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y chromium fonts-noto-core >/dev/null; } || \
	  echo "Chromium is not to be had here; the wall's browser tests will be skipped (Debian: chromium fonts-noto-core)."

test: env lint browser
	$(BIN)/python -m pytest

# Renews requirements.lock from pyproject.toml: hashes, every platform, no index addresses.
lock:
	uv pip compile pyproject.toml deploy/build-requirements.in --all-extras --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --no-header --no-annotate --output-file requirements.lock

clean:
	[ ! -x $(BIN)/ioc ] || $(BIN)/ioc down || true
	rm -rf $(VENV) .ioc .mypy_cache .ruff_cache
