# afresh: every command sets up what it needs in .venv by itself.
.POSIX:
.DEFAULT_GOAL := help
.PHONY: help demo test nightly check format reference docs bench lock browser engines setup clean

PY = .venv/bin/python
ARGS =

help: ## say what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-18s %s\n", $$1, $$2 }'

demo: ## open the shop: real events stream in, a page shows the answers change
	@sh scripts/setup demo
	@.venv/bin/afresh demo $(ARGS)

test: setup ## run the tests (ARGS="-k word" for some of them)
	@$(PY) -m pytest $(ARGS)

nightly: setup ## run the long tests too
	@$(PY) -m pytest -m nightly --hypothesis-profile=nightly $(ARGS)

check: setup ## lint, types and layers
	@$(PY) -m ruff check .
	@$(PY) -m ruff format --check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports

format: setup ## let ruff mend what it can
	@$(PY) -m ruff check --fix .
	@$(PY) -m ruff format .

reference: setup ## write docs/reference from the code
	@$(PY) scripts/reference

docs: setup ## build the documentation into site/
	@NO_MKDOCS_2_WARNING=1 $(PY) -m mkdocs build --strict --quiet

bench: setup ## run the benchmarks (ARGS="--smoke" for a quick look)
	@$(PY) -m benchmarks $(ARGS)

lock: setup ## resolve the hash-pinned requirements again (ARGS="--upgrade")
	@sh scripts/lock $(ARGS)

browser: ## install Debian's Chromium for the browser tests
	@sh scripts/install-chromium

engines: ## fetch the real engines that tests and benchmarks run (Kafka, ...), build the runner
	@sh scripts/install-java
	@python3 -m engines install

setup:
	@sh scripts/setup dev

clean: ## remove all that the other commands made
	rm -rf .venv site .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
