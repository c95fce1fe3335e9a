# Every command a person runs here is one that CI runs. `make` alone lists them.

.DEFAULT_GOAL := help
.SUFFIXES:
SHELL := bash

BIN := .venv/bin
NAMESPACE ?= modelprofiler-system
# Further arguments for pytest, helm or the lock: make unit ARGS='-k quantities -x'
ARGS ?=

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

.PHONY: bench-quick
bench-quick: env ## Small parts of the benchmarks, under three minutes: they fail when a ratio is far off; part of make test
	@hack/bench quick

.PHONY: bench-local-truth
bench-local-truth: env ## Measure servers of known cost on this machine: how far off are the numbers; fifteen minutes
	@$(BIN)/python -m benchmarks.local_truth --write $(ARGS)

.PHONY: bench-local-run
bench-local-run: env ## Whole runs on this machine: the example's time, ten servers of known cost; a quarter of an hour
	@$(BIN)/python -m benchmarks.local_run --write $(ARGS)

.PHONY: bench-threads
bench-threads: env ## A BLAS-bound model, a JVM and Go with thread pools of the node's size and of the limit's; six minutes
	@hack/jdk
	@$(BIN)/python -m benchmarks.threads --write $(ARGS)

.PHONY: bench-search
bench-search: ## The search against the truth and its peers, 1,000 services; writes docs/benchmarks.md; seven minutes on two idle cores
	@hack/bench-env
	@.cache/bench/bin/python -m benchmarks.search --write $(ARGS)

.PHONY: bench-search-validate
bench-search-validate: env ## The simulator against a real server in a control group, ten points on a quiet machine; three minutes
	@$(BIN)/python -m benchmarks.search.validate --write $(ARGS)

.PHONY: bench-search-quick
bench-search-quick: env ## A small part of it, under a minute; fails when the search no longer leads by far
	@$(BIN)/python -m benchmarks.search --quick $(ARGS)

.PHONY: bench-load
bench-load: ## The load generator beside wrk, hey and others; writes docs/benchmarks.md; six minutes on a quiet machine
	@hack/bench-env bench-load
	@hack/bench-peers
	@.cache/bench-load/bin/python -m benchmarks.load --write $(ARGS)

.PHONY: bench-load-quick
bench-load-quick: env ## A small part of it, under 40 seconds; fails when the generator costs or hides too much
	@hack/bench-peers nginx wrk hey
	@$(BIN)/python -m benchmarks.load --quick $(ARGS)

.PHONY: mlflow
mlflow: ## Install an MLflow server (850 MB) for the integration tests that need one; without it they are skipped
	hack/mlflow

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

.PHONY: bench
bench: env ## The benchmarks, those on the local cluster, too, written into docs/benchmarks.md; 25 minutes on two idle cores, more where it has to install
	@hack/bench all

.PHONY: bench-campaign
bench-campaign: env ## All benchmarks that write docs/benchmarks.md, at full length: about three hours on two idle cores
	@hack/bench campaign

.PHONY: bench-main-job
bench-main-job: env ## Run the example on an idle cluster and say what it took; writes docs/benchmarks.md; about four minutes
	@hack/cluster exec $(BIN)/python -m benchmarks.main_job --write $(ARGS)

.PHONY: bench-cluster-truth
bench-cluster-truth: env ## Measure servers of known cost in the local cluster, from each source; writes docs/benchmarks.md; eight minutes
	@hack/cluster exec $(BIN)/python -m benchmarks.cluster_truth --write $(ARGS)

.PHONY: bench-repeat
bench-repeat: env ## The same two profiles ten times each in the cluster; writes docs/benchmarks.md; 50 minutes at most
	@hack/cluster exec $(BIN)/python -m benchmarks.repeat --write $(ARGS)

.PHONY: bench-local-vs-cluster
bench-local-vs-cluster: env ## The same profiles in the cluster and on this machine: do they agree; twenty minutes
	@$(BIN)/python -m benchmarks.local_vs_cluster --write $(ARGS)

.PHONY: bench-operator
bench-operator: env ## The operator with 5,000 profiles waiting, on an idle cluster; writes docs/benchmarks.md; thirteen minutes
	@hack/cluster exec $(BIN)/python -m benchmarks.operator_scale --write $(ARGS)

##@ Generated files

.PHONY: crds
crds: env ## Write crds/, the chart's copy and docs/resource.md from the types
	$(BIN)/python hack/crds.py

.PHONY: docs
docs: env ## Write the tables of docs/conditions.md from the types
	$(BIN)/python hack/conditions.py

.PHONY: lock
lock: ## Write requirements/*.txt, every version with its hashes; ARGS=--upgrade for newer versions
	@hack/lock $(ARGS)
