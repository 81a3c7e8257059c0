"""Marks of the tests: what needs an accelerator is skipped with a reason, and a group of tests has one worker."""

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


GROUPED = """
import os
import pytest

@pytest.mark.xdist_group("of one worker")
@pytest.mark.parametrize("number", range(6))
def test_it(number):
    with open("workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + "\\n")
"""


def test_tests_that_share_a_fixture_go_to_one_worker(tmp_path):
    """As they do not with every pytest and pytest-xdist: what they share is then built twice, and nobody told."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "."]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    assert len(set((tmp_path / "workers").read_text().split())) == 1
