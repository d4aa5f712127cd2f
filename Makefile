# Thin on purpose: each target is one command, and says so. Everything behind them is in tests/tools/.
SHELL := /bin/sh
PY := .venv/bin/python
export PYTHONPATH := $(CURDIR)/tests/testbed

.PHONY: help setup demo test lint docs bench lock clean

help: ## What there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

setup: ## A Python environment, kubernetes.core and the testbed's binary
	@sh tests/tools/setup.sh

demo: setup ## Onboard three customers' clusters and serve a model
	@$(PY) -m demo

test: setup ## Everything that must hold
	@$(PY) -m pytest tests/unit tests/meta tests/rails tests/integration --numprocesses=2 --dist=loadfile --verbose --durations=15

lint: setup ## What needs no cluster: style, types, documentation, structure
	@$(PY) -m pytest tests/meta tests/rails/test_lint.py --verbose

docs: setup ## Check the documentation and render the plugins' pages into build/docs
	@$(PY) -m tests.tools.docs

bench: setup ## Measure us against kubernetes.core and kubectl
	@PYTHONPATH="$(PYTHONPATH):$(CURDIR)/.collections" $(PY) -m tests.benchmarks $(PARTS)

lock: setup ## Resolve requirements/*.txt anew into requirements/lock-*.txt
	@$(PY) -m tests.tools.lock

clean: ## Remove what these targets made in this folder (the cache outside it stays)
	rm -rf build .venv .collections .hypothesis .mypy_cache .pytest_cache .ruff_cache .ansible *.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
