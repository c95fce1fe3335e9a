# The commands that people and CI run. `make` alone lists them, except for those that other commands run: env, lint and types.

.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := bash

BIN := .venv/bin
NAMESPACE ?= modelprofiler-system
# Further arguments for pytest, helm, the lock or a benchmark: make unit ARGS='-k quantities -x'
ARGS ?=
# Which benchmarks: make bench PART=search
PART ?=

##@ Without a cluster

.PHONY: help
help:
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "%s%s\n", sep, substr($$0, 5); sep = "\n"} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: env
env: # Create .venv from the lock, unless it is up to date
	@hack/env

.PHONY: demo
demo: env ## Profile the example on this machine and print its report: about two minutes, plus installing once
	$(BIN)/modelprofiler run examples/digits.yaml $(ARGS)

.PHONY: check
check: lint types unit ## Run lint, types and unit: about a minute

.PHONY: lint
lint: env # Check the style of Python (ruff) and of shell scripts (shellcheck)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	hack/lint-shell

.PHONY: types
types: env # Check types (mypy, strict), and which modules may import which (import-linter)
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: unit
unit: env ## Run the unit tests
	$(BIN)/pytest tests/unit -n auto $(ARGS)

.PHONY: integration
integration: env ## Run the tests with real processes, sockets and files, without a cluster
	$(BIN)/pytest tests/integration tests/fuzz -n 2 --dist loadgroup $(ARGS)

# How many seconds each test goes on. There are about twenty tests, and two run at a time.
FUZZ_SECONDS ?= 60
.PHONY: fuzz
fuzz: env ## Feed generated input to every decoder: 10 to 20 minutes (make integration tries a little of it)
	FUZZ_SECONDS=$(FUZZ_SECONDS) $(BIN)/pytest tests/fuzz -n 2 $(ARGS)

.PHONY: local
local: env ## Run the tests of whole runs on this machine, in control groups: a few minutes
	@hack/jdk
	$(BIN)/pytest tests/local $(ARGS)

.PHONY: cgroup2
cgroup2: env ## Run tests on control groups of version 2, in User-Mode Linux, as root and as an ordinary user
	@hack/cgroup2/test $(ARGS)

.PHONY: cases
cases: env ## Run the cases of public bug reports, most of them as whole runs on this machine
	$(BIN)/pytest tests/cases $(ARGS)

##@ With a cluster: the one that KUBECONFIG names, or a local one (Linux, root)

.PHONY: test
test: ## Run everything: checks, all tests, quick parts of the benchmarks; says what was left out
	@hack/test

.PHONY: cluster
cluster: ## Start the local Kubernetes; the first time it is built (ten to fifteen minutes)
	hack/cluster up

.PHONY: cluster-down
cluster-down: ## Stop the local Kubernetes and leave nothing of it behind
	hack/localcluster/localcluster down

.PHONY: images
images: ## Build both images and load them into the cluster (by E2E_LOAD_IMAGES when KUBECONFIG is set)
	hack/cluster images

.PHONY: install
install: ## Install or upgrade the chart
	hack/cluster install --namespace $(NAMESPACE) $(ARGS)

.PHONY: e2e
e2e: env ## Run the end-to-end tests on the cluster
	@hack/e2e $(ARGS)

.PHONY: faults
faults: env ## Make every fault of docs/reliability.md on the local cluster, and write its table: more than 45 minutes
	@hack/faults $(ARGS)

##@ Benchmarks

.PHONY: bench
bench: ## Run half an hour of benchmarks, or PART=search|load|…|quick|campaign; PART=help lists them
	@hack/bench $(PART) $(if $(ARGS),-- $(ARGS))

##@ Supply chain

.PHONY: audit
audit: env ## Look for known vulnerabilities of what is locked, list licences, and write bills of materials (CycloneDX)
	@hack/audit $(ARGS)

##@ Generated files

.PHONY: generate
generate: env ## Write what is made from the types: crds/, the chart's copy of it, tables in docs/
	$(BIN)/python hack/crds.py
	$(BIN)/python hack/conditions.py
	$(BIN)/python hack/rules.py

.PHONY: lock
lock: ## Write requirements/*.txt with the hash of every version; ARGS=--upgrade takes newer versions
	@hack/lock $(ARGS)
