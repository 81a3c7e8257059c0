"""Runtimes on two threads each; not among the tests that share the machine, of which each worker has one core."""

from __future__ import annotations

import os

import pytest

import dlbench

RUNTIMES = ("ort", "openvino")


@pytest.mark.slow
@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="this machine has one core")
def test_both_have_the_threads_that_were_asked_for_and_none_works_on_after_a_step(tmp_path):
    """In processes of their own: OpenVINO keeps the number of threads of its first model for all of its process."""
    results = dlbench.run(
        [f"{runtime}.mlp" for runtime in RUNTIMES],
        phase="predict",
        path="graph",
        threads=2,
        quick=True,
        out=str(tmp_path),
        progress=False,
    )
    found = [(run.reason, run.info and run.info.threads) for run in results.runs]
    assert found == [("", 2)] * 2
