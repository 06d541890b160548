PYTHON ?= python3
export SAM_CLI_TELEMETRY = 0
.DEFAULT_GOAL := help

help: ## what there is to type
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

setup:
	@$(PYTHON) local/setup.py

run: setup ## the whole bundle on this machine, PORT=8787
	@exec .venv/bin/python -m local

test: setup .venv-heif/stamp .venv-dynoxide/stamp ## every check that needs no more than this
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/python -m pytest -n 2 --dist worksteal

build: setup ## what is deployed, in .aws-sam/build, and checked
	@$(PYTHON) local/setup.py sam checkov
	.venv-sam/bin/sam validate --lint
	.venv-checkov/bin/checkov --config-file local/checkov.yaml
	.venv-sam/bin/python -m local.build
	.venv/bin/python -m pytest -m artifact tests/artifact

stack: setup ## deploys it all into a stand-in that enforces every role, and plays the app's day there
	@$(PYTHON) local/setup.py sam stack
	.venv-sam/bin/python -m local.build --host
	STACK=1 .venv/bin/python -m pytest -m "stack or not stack" tests/integration/test_the_app_journey.py tests/stack

cost: setup ## what a million top-ups and photos cost, metered, and what each choice costs
	@.venv/bin/python -m local.cost

.venv-heif/stamp: layers/heif/requirements.txt | setup
	@rm -rf .venv-heif
	@.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --target .venv-heif -r $<
	@touch $@

.venv-dynoxide/stamp: Makefile | setup
	-@npm install --silent --no-fund --no-audit --prefix .venv-dynoxide @dynoxide/linux-x64@1.2.1 && touch $@

bench: .venv-bench/stamp ## what a photo costs, beside other tools; ROUNDS=5, PHOTOS=a folder of phone photos
	@.venv-bench/bin/python -m tests.bench

.venv-bench/stamp: tests/bench/requirements.txt tests/bench/pyvips.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r tests/bench/requirements.txt
	-.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check -r tests/bench/pyvips.txt
	-npm install --silent --no-fund --no-audit --prefix .venv-bench/npm sharp@0.35.5
	@touch $@

reset: setup ## forget the local state
	@.venv/bin/python -m local reset

openapi: setup ## write openapi.json from the handlers
	.venv/bin/python -m local.openapi

N ?= 200
prove: setup ## the long proofs: N=200 histories, SEED=7 tells one; what is done is kept and added to
	@exec .venv/bin/python -m tests.prove $(if $(SEED),seed $(SEED),prove $(N) $(N))

planted: setup ## hunt every planted bug in a copy of the code
	@exec .venv/bin/python -m tests.prove planted

fuzz: setup ## ugly bytes for every function, N=200
	@exec .venv/bin/python -m tests.prove fuzz $(N)

.PHONY: help setup run test build stack cost bench reset openapi prove planted fuzz
