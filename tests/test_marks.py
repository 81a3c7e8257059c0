"""Tests that need an accelerator are skipped with a reason if there is none, by the one command that runs them."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.untimed


def test_what_needs_a_gpu_is_skipped_without_one_and_says_what_was_found(pytestconfig):
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-k", "events", "plugins/dlbench-torch/tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pytestconfig.rootpath)
    assert done.returncode == 0, done.stdout
    skipped = "1 skipped" in done.stdout and "needs a GPU; the framework of torch.mlp finds cpu here" in done.stdout
    assert skipped or "1 passed" in done.stdout, done.stdout
