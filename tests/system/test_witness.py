"""Facts about threads are read without a change to the process."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.untimed

PROGRAM = """
import os, numpy
from dlbench.system import witness
before = dict(os.environ)
list(witness.pools())
assert dict(os.environ) == before, set(os.environ.items()) ^ set(before.items())
"""


def test_asking_for_thread_pools_leaves_the_environment_as_it_was():
    done = subprocess.run([sys.executable, "-c", PROGRAM], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
