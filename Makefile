# Every command a person runs here is one that CI runs. `make` alone lists them.

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
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "%s%s\n", sep, substr($$0, 5); sep = "\n"} \
	  /^[a-z0-9-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: env
env: ## Make .venv from the lock (a no-op when it is current)
	@hack/env

.PHONY: demo
demo: env ## The example on this machine, from nothing to its report: about two minutes after installs
	$(BIN)/modelprofiler run examples/digits.yaml $(ARGS)

.PHONY: check
check: lint types contracts unit ## lint, types, contracts and unit tests: about a minute

.PHONY: lint
lint: env ## Style of Python (ruff) and of shell scripts (shellcheck)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	hack/lint-shell

.PHONY: types
types: env ## mypy, strict
	$(BIN)/mypy

.PHONY: contracts
contracts: env ## Which room may import which (import-linter)
	$(BIN)/lint-imports --no-logo

.PHONY: unit
unit: env ## Unit tests
	$(BIN)/pytest tests/unit $(ARGS)

.PHONY: integration
integration: env ## Tests with real processes, sockets and files, without a cluster
	$(BIN)/pytest tests/integration $(ARGS)

.PHONY: local
local: env ## Whole runs on this machine, in control groups: a few minutes
	@hack/jdk
	$(BIN)/pytest tests/local $(ARGS)

##@ With a cluster: the one KUBECONFIG names, or a local one (Linux, root)

.PHONY: test
test: ## Everything: check, benchmarks' quick parts, e2e; says at the end what ran and what was left out
	@hack/test

.PHONY: cluster
cluster: ## Start the local Kubernetes; the first time it is built (ten to fifteen minutes)
	hack/cluster up

.PHONY: cluster-down
cluster-down: ## Stop the local Kubernetes and leave nothing of it behind
	hack/localcluster/localcluster down

.PHONY: images
images: ## Build both images and load them into the cluster (with KUBECONFIG: by E2E_LOAD_IMAGES)
	hack/cluster images

.PHONY: install
install: ## Install the chart, or upgrade what is installed
	hack/cluster install --namespace $(NAMESPACE) $(ARGS)

.PHONY: uninstall
uninstall: ## Remove the chart; ModelProfiles and their CRD stay
	hack/cluster exec helm uninstall modelprofiler --namespace $(NAMESPACE) --ignore-not-found --wait

.PHONY: e2e
e2e: env ## End-to-end tests on the real cluster
	@hack/e2e $(ARGS)

##@ Benchmarks

.PHONY: bench
bench: ## Half an hour of benchmarks, written into docs/benchmarks.md; PART=search|load|…|quick|campaign (PART=help lists them)
	@hack/bench $(PART) $(if $(ARGS),-- $(ARGS))

##@ Generated files

.PHONY: generate
generate: env ## Write what is made from the types: crds/, the chart's copy, docs/resource.md, tables of docs/conditions.md
	$(BIN)/python hack/crds.py
	$(BIN)/python hack/conditions.py

.PHONY: lock
lock: ## Write requirements/*.txt, every version with its hashes; ARGS=--upgrade for newer versions
	@hack/lock $(ARGS)
