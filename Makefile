# The two commands: `make demo` and `make test`, from a clean clone with a Rust toolchain and make.
# `make check` is the gate of style and policy; `make help` lists the rest.

export CARGO_TERM_COLOR ?= auto
LISTEN ?= 127.0.0.1:8080
DEMO_DATA ?= data/demo
TOOLS := .tools

.PHONY: help demo test test-rust test-browser check fmt fmt-check clippy deny dist-check house bench soak tools-build tools-test tools-node tools-deny screenshots clean-data

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort

demo: tools-build ## build, create the demo city on SQLite and serve it
	cargo run --quiet --bin hutong -- demo --data $(DEMO_DATA) --listen $(LISTEN)

test: tools-build tools-test test-rust test-browser ## every test: SQLite, PostgreSQL, browser

test-rust: ## the Rust tests on both databases
	sh scripts/test-rust.sh

soak: tools-build tools-test ## a long random life of tasks on both databases; SEED=n repeats one
	sh scripts/soak.sh $(or $(STEPS),10000) $(SEED)

test-browser: tools-node ## the real binary in a real browser
	cargo build --bin hutong
	node --test --test-reporter=spec web/e2e/

screenshots: tools-node ## take the pictures under docs/screenshots again, from the demo
	cargo build --bin hutong
	node web/e2e/screenshots.mjs docs/screenshots

check: tools-build fmt-check clippy deny dist-check house ## formatting, lints, dependency policy, dist, imports

fmt: ## format everything
	cargo fmt --all

fmt-check:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets --locked -- -D warnings

deny: tools-deny
	$(TOOLS)/deny/bin/cargo-deny --locked check licenses bans sources

dist-check: tools-node
	node web/build.mjs --check

house: ## imports go one way only
	sh scripts/check-imports.sh

tools-build:
	@sh scripts/install-tools.sh build

tools-test:
	@sh scripts/install-tools.sh test

tools-node:
	@sh scripts/install-tools.sh node

tools-deny:
	@sh scripts/install-tools.sh deny

bench: tools-build tools-test ## one table of figures, both databases (QUICK=1: under three minutes)
	sh scripts/bench.sh $(if $(QUICK),quick)

clean-data: ## forget the demo city
	rm -rf $(DEMO_DATA)
