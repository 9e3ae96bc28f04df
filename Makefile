# Two commands for a stranger: `make demo` and `make test`. Each does all the set-up it needs.
# Everything Python goes into .venv; a real server a test needs is installed by the system's
# package manager where that is allowed, and named in one line where it is not.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/plomba-ready

.PHONY: help demo test check format lint types imports tests worlds year chaos fuzz bench docs sbom lock clean

help:            ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 12

demo: $(STAMP)   ## the whole way on this machine, live, until Ctrl-C
	@$(BIN)/plomba-sim demo $(DEMO)

test: check      ## everything CI runs: format, lint, types, import rule, tests

check: $(STAMP) servers format lint types imports tests

$(STAMP): pyproject.toml requirements/dev.txt tools/setup.sh
	@PYTHON=$(PYTHON) sh tools/setup.sh

.PHONY: servers
servers:
	@sh tools/servers.sh

format: $(STAMP) ## code is formatted
	@$(BIN)/ruff format --check --quiet .

lint: $(STAMP)   ## all of ruff's rules
	@$(BIN)/ruff check --quiet .

types: $(STAMP)  ## mypy, strict
	@$(BIN)/mypy --no-error-summary

imports: $(STAMP) ## who may know whom
	@$(BIN)/lint-imports --no-cache --no-logo

tests: $(STAMP)  ## pytest on all cores
	@$(BIN)/pytest -q -n auto --dist worksteal $(TESTS)

worlds: $(STAMP) ## 200 seeds of 30 simulated days with faults on
	@$(BIN)/plomba-sim world --seed 1 --seeds 200 --days 30 --jobs $$(nproc)

year: $(STAMP)   ## a year of 200 houses on two roads, judged against the truth
	@$(BIN)/plomba-sim year --houses 200 --seed 1 --jobs 2

chaos: $(STAMP) servers ## 50 rounds of SIGKILL to edge, broker and gateway
	@PLOMBA_CHAOS_ROUNDS=50 $(BIN)/pytest -q -n 0 -m processes --timeout 1800 tests/e2e

fuzz: $(STAMP)   ## ten minutes of spoiled bytes for every parser that faces what is not ours
	@$(BIN)/plomba-sim fuzz --minutes 10

bench: $(STAMP)  ## figures, as ratios measured in one run
	@$(BIN)/plomba-sim bench bus --json
	@$(BIN)/plomba-sim bench decode --json
	@$(BIN)/plomba-sim bench flood --json
	@$(BIN)/plomba-sim bench ingest --store sqlite --readings 200000 --batch 100 --json

docs: $(STAMP)   ## the pages of commands and of meters, from the programs and profiles themselves
	@for page in commands meters; do \
		$(BIN)/python tools/$$page.py > docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md || exit 1; done

sbom: $(STAMP)   ## what both programs are made of, CycloneDX, into dist/
	@$(BIN)/python tools/sbom.py dist

lock:            ## renew the hashed requirement files from pyproject.toml
	@sh tools/lock.sh

clean:           ## forget the environment and what the demo left
	@rm -rf .venv demo-data build *.egg-info
