# Zegel. `make run` starts a server for a first look; `make test` runs the tests.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
RUN    := .run
JOBS   ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
# What fails by load alone is run once more and named in the report; ten such, and the run fails.
PYTEST  = $(BIN)/python -m pytest --reruns 1 --reruns-delay 2 --max-suite-reruns 10 --rerun-show-tracebacks
WEB     = $(BIN)/python -m webui.dev

.DEFAULT_GOAL := help
.PHONY: help run demo test test-all test-long lint check bench bench-web screenshots soak lock clean

help: ## say what there is
	@sed -n 's/^\([a-z-]*\):[^#]*## /  make \1\t/p' $(MAKEFILE_LIST) | expand -t 18

run: $(VENV)/.run ## start a server on loopback, all its files in .run/
	@$(WEB) build
	@$(BIN)/zegel init --directory $(RUN)
	@$(BIN)/zegel --config $(RUN)/zegel.toml migrate
	@exec $(BIN)/zegel --config $(RUN)/zegel.toml serve --guide

demo: $(VENV)/.run ## fill that server with two users and some letters (while it is stopped or running)
	@$(BIN)/zegel init --directory $(RUN) --quiet
	@$(BIN)/zegel --config $(RUN)/zegel.toml migrate
	@$(BIN)/zegel --config $(RUN)/zegel.toml demo --corpus tests/corpus

test: $(VENV)/.dev ## run the tests (a few minutes)
	@$(WEB) test
	@$(WEB) build
	@$(PYTEST) -n $(JOBS) -m "not long"

test-all: test test-long ## run them all: then the interoperability, browser, kill and load tests too

test-long: $(VENV)/.dev
	@$(WEB) build
	@$(PYTEST) -n auto -m long -v --durations=25

lint: $(VENV)/.dev ## style, types, layers, web app, Dockerfile and compose file
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(WEB) check
	@$(WEB) test tests/rules.test.ts
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml
	@if command -v docker-compose >/dev/null; then docker-compose config --quiet; \
	  else echo "docker-compose is not installed: its own check of the compose file was left out"; fi

check: lint test ## what a commit must pass

bench: $(VENV)/.dev ## measure Zegel beside Dovecot, plain and encrypted (about half an hour)
	@$(BIN)/python -m benchmarks.run

bench-web: $(VENV)/.dev ## measure the web app in Chromium, on 100,000 letters beside Roundcube (about half an hour)
	@$(WEB) build
	@$(BIN)/python -m benchmarks.web

screenshots: $(VENV)/.dev ## draw every screen of the web app into screenshots/, for people to look at
	@$(WEB) build
	@ZEGEL_SCREENSHOTS=screenshots $(PYTEST) -q -m long tests/browser

soak: $(VENV)/.dev ## an hour of load with kills in between: nothing lost, memory bounded
	@ZEGEL_TRAVELLERS=10000 $(PYTEST) tests/interop/test_kills_on_the_way.py
	@$(BIN)/python -m benchmarks.soak

lock: $(VENV)/.dev ## resolve the dependencies anew
	@$(BIN)/uv pip compile -q --universal pyproject.toml --generate-hashes --no-emit-index-url \
	  --no-header -o requirements.lock
	@$(BIN)/uv pip compile -q --universal --group dev -c requirements.lock pyproject.toml \
	  --generate-hashes --no-emit-index-url --no-header -o requirements-dev.lock
	@$(BIN)/uv pip compile -q --universal --group build -c requirements-dev.lock \
	  --generate-hashes --no-emit-index-url --no-header -o requirements-build.lock
	@$(WEB) npm install --package-lock-only

clean: ## remove the environment and the first-look server with its mail
	@rm -rf $(VENV) $(RUN) webui/static webui/spa/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis

$(VENV)/.made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Zegel needs Python 3.11 or later; name one with PYTHON=..." >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null \
	  || { echo "Python's venv is missing: install python3-venv (Debian, Ubuntu)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# By hash, so that what is installed is what was tested; the project itself is built by the locked
# backend, without fetching another one.
INSTALL = $(BIN)/python -m pip --disable-pip-version-check install -q --require-hashes
EDITABLE = $(BIN)/python -m pip --disable-pip-version-check install -q --no-deps --no-build-isolation -e .

$(VENV)/.run: $(VENV)/.made requirements.lock requirements-build.lock pyproject.toml
	@echo "Installing Zegel's dependencies into $(VENV) ..."
	@$(INSTALL) -r requirements.lock -r requirements-build.lock
	@$(EDITABLE)
	@touch $@

$(VENV)/.dev: $(VENV)/.run requirements-dev.lock
	@echo "Installing the tools for tests and checks into $(VENV) ..."
	@$(INSTALL) -r requirements-dev.lock
	@touch $@
