# Thin on purpose: each target is one command, and says so. Everything behind them is in tests/tools/.
SHELL := /bin/sh
PY := .venv/bin/python
# Three workers for two cores: one always waits, and each has clusters of its own. Each takes whole files, those that take longest first.
PYTEST := $(PY) -m pytest --numprocesses=3 --dist=loadfile --no-loadscope-reorder --verbose --durations=15
RAILS := tests/rails/test_coverage.py tests/rails/test_molecule.py tests/rails/test_sanity.py tests/rails/test_tarball.py tests/rails/test_versions.py
SHARD := 1/1
MINUTES := 0
export PYTHONPATH := $(CURDIR)/tests/testbed
# Some machines set it. Each worker of a test run and each ansible-playbook would compile a thousand modules anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help setup demo test unit lint integration rails soak mutants docs bench lock changelog release clean

help: ## What there is, and how long it takes on two idle cores
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1	\2/p' Makefile

setup: ## A Python environment, kubernetes.core and the testbed's binary (3 s; the first time 10 min)
	@sh tests/tools/setup.sh

demo: setup ## Onboard three customers' clusters, and ask a model that sleeps a question where containers run (2 min)
	@$(PY) -m demo

test: setup ## Everything that must hold: unit, lint, integration and rails, with a sample of the soak (20 to 23 min)
	@$(PYTEST) tests/unit tests/meta tests/rails tests/integration tests/soak --soak=sample

unit: setup ## The thinking, without a cluster (1 min)
	@$(PYTEST) tests/unit -m "not soak"

lint: setup ## What needs no cluster: style, types, documentation, structure (3 min)
	@$(PYTEST) tests/meta tests/rails/test_lint.py tests/rails/test_ansible_lint.py

integration: setup ## Real API servers, with a sample of the soak; SEED=... chooses another one (16 min)
	@$(PYTEST) tests/integration tests/soak --soak=sample

rails: setup ## What is shipped: sanity, tarball, the other supported Pythons, molecule, coverage (5 min)
	@$(PYTEST) $(RAILS) --soak=sample

soak: setup ## What is long by nature, all of it; SHARD=2/4 a part of it, MINUTES=20 no longer. Goes on where it was (140 min)
	@$(PYTEST) tests/unit tests/integration tests/soak tests/rails --soak=only --shard=$(SHARD) --minutes=$(MINUTES)

mutants: setup ## Whether the tests notice: the same mutants of the plugins as in tests/tools/mutants/before.jsonl (15 min)
	@$(PY) -m tests.tools.mutants run --again tests/tools/mutants/before.jsonl --result build/mutants/after.jsonl
	@$(PY) -m tests.tools.mutants compare tests/tools/mutants/before.jsonl build/mutants/after.jsonl

docs: setup ## Check the documentation, and make one site of docs and the plugins' pages in build/docs (2 min)
	@$(PY) -m tests.tools.docs

bench: setup ## Measure us against kubernetes.core and kubectl
	@PYTHONPATH="$(PYTHONPATH):$(CURDIR)/.collections" $(PY) -m tests.benchmarks $(PARTS)

lock: ## Resolve requirements/*.txt anew into requirements/lock-*.txt, with hashes
	@sh tests/tools/setup.sh lock

changelog: setup ## Write CHANGELOG.rst of the version that galaxy.yml names, from the fragments of its changes
	@$$($(PY) -c 'from tests.tools.environments import tools; e = tools(); e.ensure(); print(e.bin)')/antsibull-changelog release

release: setup ## Check everything, build the tarball and sign it; KEY=... names the GPG key (20 min)
	@$(PY) -m tests.tools.release --key "$(KEY)"

clean: ## Remove what these targets made in this folder (the cache outside it stays)
	rm -rf build .venv .collections .hypothesis .mypy_cache .pytest_cache .ruff_cache .ansible *.tar.gz
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
