# pollsvc: `make demo` to see it, `make test` to check it; both do all their own set-up.

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip --quiet --disable-pip-version-check

.PHONY: demo test lint format bench wheel freeze gallery plugin tools clean help

help:                          ## what can be made
	@grep -hE '^[a-z]+: .*##' $(MAKEFILE_LIST) | sed -E 's/:.*## / — /'

demo: .venv/runtime            ## a site with live polls, on http://127.0.0.1:8001
	$(BIN)/pollsvc demo --data build/demo $(ARGS)

test: .venv/dev tools          ## the whole suite: SQLite, PostgreSQL, a real browser
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile --no-loadscope-reorder $(ARGS)

lint: .venv/dev build/js       ## style and types, Python and JavaScript
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	build/js/node_modules/.bin/tsc --project tests/js/tsconfig.json
	build/js/node_modules/.bin/tsc --project tests/js/tsconfig.widget.json

format: .venv/dev              ## put the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: .venv/dev               ## speed beside its references, into build/bench.json
	@sh tests/tools.sh wrk strace cc
	-@sh tests/tools.sh nginx nchan
	$(BIN)/python -m tests.bench $(ARGS)

wheel: .venv/dev               ## the package, into dist/
	$(BIN)/python -m build --wheel

freeze: .venv/dev              ## keep this release's widget under its immutable names, for ever
	$(BIN)/python -m tests.freeze_widget

PLUGIN_ZIP := dist/pollsvc-wordpress.zip

gallery: .venv/dev             ## pictures of every kind of poll in every state and look, into build/gallery/
	@sh tests/tools.sh chromium
	$(BIN)/python -m tests.gallery $(ARGS)

plugin:                        ## the WordPress plugin, into dist/
	@mkdir -p $(dir $(PLUGIN_ZIP)) && rm -f $(PLUGIN_ZIP)
	$(PYTHON) -m zipfile -c $(PLUGIN_ZIP) static/wordpress/pollsvc

tools:                         # what tests need beside Python packages
	@sh tests/tools.sh chromium firefox-esr WebKitWebDriver Xvfb xauth libfribidi0 php mysqli mariadbd nginx strace redis-server cc caddy curl systemd-analyze postgresql ip
	@sh tests/wordpress.sh

clean:                         ## forget all that was made, the demo's votes included
	rm -rf .venv build dist

.venv/runtime: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "pollsvc needs Python 3.11 or later: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv .venv
	$(PIP) install --editable .
	@touch $@

.venv/dev: .venv/runtime
	$(PIP) install --editable '.[dev]'
	@touch $@

build/js: tests/js/package.json
	@command -v npm >/dev/null || { echo "make lint needs npm (Node.js 20 or later): install it" >&2; exit 1; }
	@mkdir -p build/js && cp tests/js/package.json build/js/
	npm install --prefix build/js --no-package-lock --no-audit --no-fund --loglevel=error
	@touch $@
