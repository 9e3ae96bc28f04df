# Two commands for a stranger: `make demo` and `make test`. Each does all the set-up it needs.
# Everything Python goes into .venv; a real server a test needs is installed by the system's
# package manager where that is allowed, and named in one line where it is not.

PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/plomba-ready
# One more than cores: many tests wait for real programs, and the cores would wait with them.
WORKERS := $(shell echo $$(($$(nproc) + 1)))
# Where an environment forbids it, as images for containers like to, every process of the tests
# would compile all that it imports anew, which is most of its start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test check servers format lint types imports tests postgres worlds year chaos kills fuzz bench storm soak docs sbom package package-trixie package-arm64 lock clean

help:            ## this list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 16

demo: $(STAMP)   ## the whole way on this machine, live, until Ctrl-C
	@$(BIN)/plomba-sim demo $(DEMO)

test: check      ## everything CI runs: format, lint, types, import rule, tests

check: $(STAMP) servers format lint types imports tests

$(STAMP): pyproject.toml requirements/dev.txt tools/setup.sh
	@PYTHON=$(PYTHON) sh tools/setup.sh

servers:         ## mosquitto, PostgreSQL and the rest that tests and figures need, by apt
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
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(TESTS)

postgres: $(STAMP) servers ## the gateway's tests with every ledger on PostgreSQL
	@PLOMBA_TEST_LEDGER=postgres $(BIN)/pytest -q -n auto --dist worksteal tests/gateway

worlds: $(STAMP) ## 200 seeds of 30 simulated days with faults on
	@$(BIN)/plomba-sim world --seed 1 --seeds 200 --days 30 --jobs $$(nproc)

year: $(STAMP)   ## a year of 200 houses on two roads, judged against the truth
	@$(BIN)/plomba-sim year --houses 200 --seed 1 --jobs 2

chaos: $(STAMP) servers ## 50 rounds of SIGKILL to edge, broker and gateway
	@PLOMBA_CHAOS_ROUNDS=50 $(BIN)/pytest -q -n 0 tests/e2e/test_demo.py

kills: $(STAMP) servers ## ten kills of whatever leads among three brokers and three databases, under load
	@PLOMBA_KILLS=10 $(BIN)/pytest -q -n 0 tests/e2e/test_kills.py

fuzz: $(STAMP)   ## ten minutes of spoiled bytes for every parser that faces what is not ours
	@$(BIN)/plomba-sim fuzz --minutes 10

bench: $(STAMP) servers ## what could become slow: bus, decoding, flood, ingest, copy, the whole road
	@$(BIN)/plomba-sim bench bus --json
	@$(BIN)/plomba-sim bench decode --json
	@$(BIN)/plomba-sim bench flood --json
	@for store in sqlite postgres; do for batch in 100 4; do \
		$(BIN)/plomba-sim bench ingest --store $$store --readings $$((batch * 2000)) --batch $$batch --json || exit 1; \
	done; done
	@$(BIN)/plomba-sim bench copy --json
	@$(BIN)/plomba-sim bench road --store sqlite --devices 30 --meters 100 --json

storm: $(STAMP) servers ## ten thousand devices lose their connections at once
	@$(BIN)/plomba-sim bench storm --devices 10000 --json

soak: $(STAMP) servers ## twenty minutes of load; the memory of broker and gateway each minute
	@$(BIN)/plomba-sim bench soak --backlog 1.5 --minutes 20 --json

docs: $(STAMP)   ## the pages of commands and of meters, from the programs and profiles themselves
	@for page in commands meters; do \
		$(BIN)/python tools/$$page.py > docs/$$page.md.new && mv docs/$$page.md.new docs/$$page.md || exit 1; done

package: $(STAMP) ## Debian packages of the edge into dist/: ARCH=arm64 alone if given, else arm64 and amd64
	@for arch in $(or $(ARCH),arm64 amd64); do \
		$(BIN)/python tools/build_package.py --arch $$arch --out dist || exit 1; done

package-trixie: $(STAMP) servers ## the package's test in a Trixie (Python 3.13); as root
	@PLOMBA_TEST_SUITE=trixie:3.13:amd64 $(BIN)/pytest -q -n 0 tests/deploy/test_package.py

package-arm64: $(STAMP) servers ## the package's test on arm64 under qemu; as root, some ten minutes
	@command -v qemu-aarch64-static >/dev/null || sh tools/apt.sh qemu-user-static || \
		{ echo "plomba: run: sudo apt-get install qemu-user-static" >&2; exit 1; }
	@PLOMBA_TEST_SUITE=bookworm:3.11:arm64 $(BIN)/pytest -q -n 0 tests/deploy/test_package.py

sbom: $(STAMP)   ## what the programs and their extras are made of, CycloneDX, into dist/
	@$(BIN)/python tools/sbom.py dist

lock:            ## renew the hashed requirement files from pyproject.toml
	@sh tools/lock.sh

clean:           ## forget the environment and what the demo left
	@rm -rf .venv demo-data build *.egg-info
