# The commands of the project; .ci/run calls the same ones. `make help` lists them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
# target/node is where .ci/tools puts a newer Node.js than the system's.
export PATH := $(HOME)/.cargo/bin:$(CURDIR)/target/node/bin:$(PATH)

DEVCLUSTER := target/release/devcluster
# nextest where it is installed: it runs tests of all crates side by side.
TEST := $(shell command -v cargo-nextest >/dev/null && echo 'nextest run --no-fail-fast' || echo 'test --no-fail-fast')
UP_FLAGS ?=
BENCH_FLAGS ?= --cluster
ARGS ?=
UI_SOURCES := $(shell find ui/src ui/public ui/*.json ui/*.ts ui/index.html -type f) $(wildcard cluster-core/agent/src/sayings/*.json)

.PHONY: help up down ui build image engine tools test unit cluster-test desktop desktop-test screenshots bench bench-scale lint

help: ## Show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "make %-14s %s\n", $$1, $$2}' Makefile

up: engine build image ## Install what is missing, build, start the cluster; UP_FLAGS='--workers 3' passes flags on
	@$(DEVCLUSTER) up $(UP_FLAGS)

down: ## Remove the cluster
	@$(DEVCLUSTER) down

tools: ## Install the compilers where they are missing
	@.ci/tools

engine: ## Install and start the Docker engine where none answers
	@node-image/engine

ui: ui/dist/index.html ## Build the dashboard, which the binaries carry

ui/node_modules/.package-lock.json: ui/package-lock.json | tools
	@cd ui && npm ci --no-progress --loglevel=error
	@touch $@

ui/dist/index.html: ui/node_modules/.package-lock.json $(UI_SOURCES)
	@cd ui && npm run --silent build -- --logLevel warn
	@cd ui && npm run --silent budget

build: tools ui ## Build the release binaries
	@cargo build --release --locked -p cluster-core

image: engine tools ## Build the node image when it is absent or outdated
	@node-image/build

test: lint unit desktop-test cluster-test ## Lint, run the unit and API tests, then the desktop app's and those on a real cluster

unit: tools ui ## Run the tests that need no cluster
	@.ci/desktop
	@cd ui && npm test
	@.ci/etcd
	@cargo $(TEST) --workspace --exclude devcluster-tests
	@cargo test --quiet --manifest-path node-image/demo/Cargo.toml

cluster-test: engine build image ## Run the tests on a real cluster of their own, the dashboard's in Chromium
	@.ci/browser
	@.ci/clients
	@tests/run sh -c 'cargo $(TEST) -p devcluster-tests && cd ui && npm run --silent e2e'

desktop: build ## Build the desktop app's packages into target/release/bundle
	@.ci/desktop
	@cd src-tauri && npm ci --no-progress --loglevel=error && npm run --silent bundle

# The same choice of crates and targets as `unit`, so that only the app itself is built anew.
desktop-test: build ## Run the desktop app in a real window on a screen that nobody sees
	@.ci/desktop
	@cargo build --quiet --locked --workspace --exclude devcluster-tests --tests --bin devcluster-desktop
	@cd ui && npm run --silent e2e:desktop
	@cargo test --quiet --locked --workspace --exclude devcluster-tests --test session -- --ignored

screenshots: engine build image ## Take the pictures of all pages (ui/e2e/out/screenshots), and the README's anew
	@.ci/browser
	@tests/run sh -c 'cd ui && npm run --silent e2e -- pages.spec.ts'
	@for picture in docs/screenshots/*.png; do cp "ui/e2e/out/screenshots/$${picture##*/}" "$$picture"; done

bench: engine build image ## Print the table of measured numbers
	@cargo run --release --locked -p devcluster-tests --bin bench -- $(ARGS)

bench-scale: build ## Print the same for 150,000 pods on 5,000 simulated nodes; half an hour and 6 GiB of memory
	@cargo run --release --locked -p devcluster-tests --bin bench -- --only scale $(ARGS)

lint: tools ui/node_modules/.package-lock.json ## Check format, clippy, dependencies and the tree's own rules
	@.ci/desktop
	@cargo fmt --all --check
	@cargo fmt --manifest-path node-image/demo/Cargo.toml --check
	@rustfmt --check --edition 2024 node-image/pause.rs
	@cargo clippy --workspace --all-targets --locked -- -D warnings
	@cargo clippy --quiet --manifest-path node-image/demo/Cargo.toml -- -D warnings
	@cargo xtask tidy
	@cd ui && npm run --silent check
	@if command -v cargo-deny >/dev/null; then cargo deny --log-level error check bans licenses sources; \
	else echo 'lint: licences were not checked: cargo install --locked cargo-deny'; fi
