PYTHON ?= python3
N ?= 200
export SAM_CLI_TELEMETRY = 0
unexport PYTHONDONTWRITEBYTECODE  # set in many images; every process of a test would compile all modules again
.DEFAULT_GOAL := help

PIP_INSTALL = python -m pip install --quiet --disable-pip-version-check

help: ## list the targets
	@grep -E '^[a-z]+:.*## ' Makefile | sed 's/:.*## /\t/' | expand -t 12

setup: ## create the virtual environments that make run and make test need
	@$(PYTHON) tools/setup.py ministack dev

lint: setup ## check style and types: ruff and mypy
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy

unit: setup .venv-heif/stamp ## run the unit tests
	.venv/bin/python -m pytest -n 3 --dist worksteal tests/unit

test: lint .venv-heif/stamp .venv-dynoxide/stamp ## run lint and all Python tests; under ten minutes on two cores
	.venv/bin/python -m pytest -n 3 --dist worksteal

run: ## run the service on this machine; PORT=8787, HOST=lan for a phone, LOGS=json
	@$(PYTHON) tools/setup.py
	@exec .venv/bin/python -m local

build: setup ## build what is deployed, in .aws-sam/build
	@$(PYTHON) tools/setup.py sam
	.venv-sam/bin/python -m tools.build
	@echo "Next: make check, then .venv-sam/bin/sam deploy"

heif: setup ## package the optional layer that decodes HEIC, for the parameter HeifLayerArn; its wheels are under the GPL
	@rm -rf .aws-sam/heif .aws-sam/heif.zip
	@.venv/bin/$(PIP_INSTALL) --no-deps --only-binary :all: --python-version 3.13 --platform manylinux_2_28_aarch64 \
		--target .aws-sam/heif/python -r layers/heif/requirements.txt
	@cd .aws-sam/heif && ../../.venv/bin/python -m zipfile -c ../heif.zip python
	@echo "aws lambda publish-layer-version --layer-name heif --zip-file fileb://.aws-sam/heif.zip \\"
	@echo "    --compatible-runtimes python3.13 --compatible-architectures arm64"

check: setup ## check the template and what make build built: linters and tests
	@$(PYTHON) tools/setup.py sam checkov
	.venv-sam/bin/sam validate --lint
	.venv-checkov/bin/checkov --config-file tools/checkov.yaml
	.venv/bin/python -m pytest -m artifact tests/artifact

stack: setup ## deploy into a stand-in for AWS that enforces every role, and test the app's journey there
	@$(PYTHON) tools/setup.py sam stack
	.venv-sam/bin/python -m tools.build --host stack
	STACK=1 .venv/bin/python -m pytest -m "stack or not stack" tests/integration/test_app_journey.py tests/stack

prove: setup ## simulate N=200 histories of requests, faults and crashes; SEED=7 prints one; results accumulate
	@exec .venv/bin/python -m tests.simulation $(if $(SEED),seed $(SEED),prove $(N) $(N))

planted: setup ## check that a search detects each mutant; MUTANT=a part of one name
	@exec .venv/bin/python -m tests.simulation planted $(if $(MUTANT),"$(MUTANT)")

fuzz: setup ## send N=200 malformed inputs to every function
	@exec .venv/bin/python -m tests.simulation fuzz $(N)

bench: setup $(if $(filter cold warm load,$(PART)),,.venv-bench/stamp) ## compare photos, cold starts and calls; PART=cold, ROUNDS=5
	@$(if $(filter photos load,$(PART)),,$(PYTHON) tools/setup.py sam lambda && .venv-sam/bin/python -m tools.build --host sam-local)
	@.venv/bin/python -m tests.bench

differential: .venv-bench/stamp ## compare the photo pipeline with libvips on 1,200 files of every kind; PHOTOS=a folder of photos
	@.venv-bench/bin/python -m tests.differential

cost: setup ## meter a top-up, its refund and a photo, and price a million of each
	@.venv/bin/python -m tools.cost

reset: ## delete the local state of make run
	@$(PYTHON) tools/setup.py
	@.venv/bin/python -m local reset

doctor: ## check what make run needs on this machine
	@$(PYTHON) tools/doctor.py

openapi: setup ## write openapi.json, and the documents that are made of the code
	.venv/bin/python -m tools.openapi

clients: setup ## check openapi.json, its clients, guides and Postman collection; needs Node.js, Java
	@.venv/bin/python -m tools.clients

browser: setup ## use the pages of make run in chromium, check them with axe; ONLY=top-up; needs Node.js, chromium
	@.venv/bin/python -m tests.browser

film: setup ## time the first minute: clone, make run, and a top-up in a browser, with empty caches
	@.venv/bin/python -m tests.browser first-minute

lock: ## pin every package with its hashes; UPGRADE=boto3 or UPGRADE=all moves to new releases
	@$(PYTHON) tools/setup.py lock
	@$(PYTHON) tools/lock.py

outdated: ## list the pins that have a newer release
	@$(PYTHON) tools/setup.py lock
	@$(PYTHON) tools/lock.py outdated

# The optional layer HeifLayer, in a folder of its own: its tests run with and without it.
.venv-heif/stamp: layers/heif/requirements.txt | setup
	@rm -rf .venv-heif
	@.venv/bin/$(PIP_INSTALL) --no-deps --target .venv-heif -r $<
	@touch $@

# A second DynamoDB engine. Without npm its tests are skipped.
.venv-dynoxide/stamp: Makefile | setup
	@npm install --ignore-scripts --silent --no-fund --no-audit --prefix .venv-dynoxide @dynoxide/linux-x64@1.2.1 && touch $@ \
		|| echo "npm cannot install dynoxide; the tests that need it are skipped"

# pyvips and sharp have no package for some platforms. The benchmark omits the tools that are missing.
.venv-bench/stamp: Makefile tests/bench/requirements.txt tests/bench/pyvips.txt
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/$(PIP_INSTALL) -r tests/bench/requirements.txt
	-.venv-bench/bin/$(PIP_INSTALL) -r tests/bench/pyvips.txt
	-npm install --silent --no-fund --no-audit --prefix .venv-bench/npm sharp@0.35.5
	@touch $@

.PHONY: help setup lint unit test run build check stack prove planted fuzz bench differential heif cost reset doctor openapi clients browser film lock outdated
