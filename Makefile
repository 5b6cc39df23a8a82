# Everything is one word away. Without a word: what there is.

.DEFAULT_GOAL := help
.PHONY: help setup run test test-long check types bench screenshots

help: ## Show this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'

setup: ## Make sure that Rust and PostgreSQL are here
	@.setup/rust
	@.setup/postgres

run: export VEETFLOW__DATA_DIR ?= ./data
run: setup ## Build the server and start it: http://127.0.0.1:8080/ (data in ./data, or in $VEETFLOW__DATA_DIR)
	cargo build --release
	exec target/release/veetflow

test: setup ## Run every test, those in a real browser included
	@.setup/chromium
	@.setup/aimock
	@.setup/openbao
	@.setup/axe
	cargo test

test-long: setup ## Run the tests that take minutes
	cargo test -- --ignored

screenshots: setup ## Picture each state of the widget, in target/screenshots
	@.setup/chromium
	cargo test --test it -- screens::
	@mkdir -p target/screenshots
	@cp target/tmp/browser-screen-*.png target/screenshots/
	@ls target/screenshots

types: ## Check the types of the widget's JavaScript
	@.setup/typescript
	node .tools/typescript/node_modules/typescript/lib/tsc.js -p static/widget

check: setup types ## Formatting, lints, documentation: any warning fails
	cargo fmt --check
	cargo clippy --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --no-deps --document-private-items

bench: setup ## Measure a release build under load
	cargo build --release --example load --bin veetflow
	target/release/examples/load
