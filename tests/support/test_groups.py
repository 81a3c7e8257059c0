"""Groups of tests that share a fixture have one worker."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.untimed

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
    """Not every pytest and pytest-xdist does that: a shared fixture would then be built twice, without a word."""
    (tmp_path / "test_grouped.py").write_text(GROUPED)
    command = [sys.executable, "-m", "pytest", "-n", "2", "--dist", "loadgroup", "."]
    subprocess.run(command, check=True, cwd=tmp_path, capture_output=True)
    assert len(set((tmp_path / "workers").read_text().split())) == 1
