"""The largest batch of a real model within a limit: larger ones break it, and hardly smaller ones keep it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from dlbench.api.tune.peaks import Peaks
from dlbench.session.listener import Quiet
from dlbench.spec import Policy, Spec

pytestmark = [pytest.mark.untimed, pytest.mark.slow]

LIMIT = 1 << 30
CLOSE = 0.03
WORDS = ("--plugin", "torch.mlp", "--phase", "train", "--batch-size", "64", "--threads", "1")


def peak(batch):
    """Bytes of a process of its own that takes one step."""
    spec = Spec(
        plugin="torch.mlp", phase="train", path="eager", size="small", task="synthetic", batch_size=batch, threads=1
    )
    return Peaks(spec, Policy(), Quiet())(batch)


def test_the_largest_batch_is_within_three_percent_of_the_true_one(tmp_path):
    """The true one lies between two batches that are measured here, apart from the search and its line."""
    command = [sys.executable, "-m", "dlbench", "tune", *WORDS, "--largest-batch", "--max-memory", "1G"]
    done = subprocess.run(
        [*command, "--json", "--out", "out"], check=False, capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert len(found["measured"]) >= 5  # three on the line, and two that check it
    assert max(peak for _, peak in found["measured"]) <= 1.01 * LIMIT
    assert peak(round(found["batch_size"] * (1 - CLOSE))) <= LIMIT
    assert peak(round(found["batch_size"] * (1 + CLOSE))) > LIMIT
