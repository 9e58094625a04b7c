# `make` lists the targets. Two of them are all you need: up and test.
# Arguments for pytest: make test ARGS="-k limiter"

ARGS ?=
SEEDS ?= 1000
PYTHON_IN_VENV := .venv/bin/python -P

.DEFAULT_GOAL := help
.PHONY: help bootstrap up down test test-fast check e2e bench bench-rollout bench-limiter bench-affinity bench-phases bench-service bench-local bench-chaos attack lock clean simulate

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile

bootstrap: ## the toolchain alone: .venv, the Pulumi CLI, .flygate/env
	@scripts/bootstrap

up: bootstrap ## everything on this laptop: the local Fly, a deployed service, its URL
	@./flygate up local

down: ## stop the local Fly; its state stays
	@./flygate local down

test: bootstrap ## format, lint, types and all tests
	@scripts/test $(ARGS)

check: bootstrap ## format the code, then lint, types and import rules
	@scripts/check

test-fast: bootstrap ## the tests that start no process, and how long they took
	@scripts/test --fast $(ARGS)

e2e: bootstrap ## the tests that run the real Pulumi CLI
	@. .flygate/env && $(PYTHON_IN_VENV) -m pytest -m e2e $(ARGS)

bench: bootstrap ## how long `make up` and its parts take
	@. .flygate/env && $(PYTHON_IN_VENV) -m bench.up $(ARGS)

bench-rollout: bootstrap ## how long a bad release lives, a rollback and ten machines take
	@. .flygate/env && $(PYTHON_IN_VENV) -m bench.rollout $(ARGS)

bench-chaos: bootstrap ## rollouts while Fly's API fails and processes die; ARGS="--only faults --write"
	@. .flygate/env && $(PYTHON_IN_VENV) -m bench.chaos $(ARGS)

bench-limiter: bootstrap ## how fast the limiter decides, and its peers
	@scripts/bench bench.limiter $(ARGS)

bench-affinity: bootstrap ## what sticky sessions give and cost; ARGS="--write docs/benchmarks.md"
	@$(PYTHON_IN_VENV) -m bench.affinity $(ARGS)

bench-service: bootstrap ## what one machine of each size serves within its memory
	@$(PYTHON_IN_VENV) -m bench.service $(ARGS)

bench-phases: bootstrap ## what clients get while a phase changes, and while Redis is away
	@$(PYTHON_IN_VENV) -m bench.phases $(ARGS)

bench-local: bootstrap ## how fast the local Fly is, and what it does with 50 machines
	@$(PYTHON_IN_VENV) -m bench.local_proxy $(ARGS)
	@$(PYTHON_IN_VENV) -m bench.local_crowd

attack: bootstrap ## what one client can do to the service, on loopback; ARGS="--write docs/security.md"
	@$(PYTHON_IN_VENV) -m bench.attack $(ARGS)

simulate: bootstrap ## whole rollouts in virtual time with all that goes wrong; SEEDS=10000, or SEED=123 with its trace
	@$(PYTHON_IN_VENV) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(ARGS)

lock: bootstrap ## compile the pinned requirements; ARGS="--upgrade" renews them
	@scripts/lock $(ARGS)

clean: ## stop the local Fly; remove .venv and the local stack; what another stack needs stays
	@scripts/clean
