"""Marks: what needs an accelerator is skipped with a reason where there is none; what times nothing has its mark."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.untimed


def test_what_needs_a_gpu_is_skipped_without_one_and_says_what_was_found(pytestconfig):
    command = [sys.executable, "-m", "pytest", "-m", "gpu", "-k", "events", "plugins/dlbench-torch/tests"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=pytestconfig.rootpath)
    assert done.returncode == 0, done.stdout
    skipped = "1 skipped" in done.stdout and "needs a GPU; the framework of torch.mlp finds cpu here" in done.stdout
    assert skipped or "1 passed" in done.stdout, done.stdout


def test_the_tests_of_plugin_packages_time_nothing():
    """The tests that time something are run one by one, those of `tests` alone: others would import both frameworks."""
    files = sorted((Path(__file__).parents[1] / "plugins").glob("*/tests/test_*.py"))
    every = re.compile(r"^pytestmark = .*(untimed|gpu)", re.MULTILINE)
    assert [file.name for file in files if not every.search(file.read_text())] == []
    assert len(files) > 10
