"""Collection of batches for the study of verdicts: real groups, beside a neighbour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from studies.decision_quality import pool
from studies.decision_quality.workloads import SLOWDOWNS

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("workload", "isolation"),
    [("two modes", "fork"), pytest.param("gemm, 2 threads", "fresh", marks=pytest.mark.slow)],
)
def test_a_group_is_collected_beside_a_neighbour_and_nothing_is_left_running(tmp_path, workload, isolation):
    options = ["--workload", workload, "--minutes", "0.01", "--neighbours", "1", "--out", str(tmp_path)]
    command, mark = [sys.executable, "-m", "studies.decision_quality", "collect", *options], str(tmp_path)
    subprocess.run(command, cwd=ROOT, env={**os.environ, "STUDY_TEST": mark}, check=True)
    assert not [process for process in psutil.process_iter() if _variables(process).get("STUDY_TEST") == mark]
    (batch,) = pool.read(tmp_path / "pool-quiet.jsonl.gz")
    assert batch.neighbours == 1
    assert batch.kind == "lockstep"
    assert batch.isolation == isolation
    assert [taken.arm for taken in batch.processes] == list(SLOWDOWNS)
    assert [taken.slowdown for taken in batch.processes] == pytest.approx(list(SLOWDOWNS.values()))
    assert len({taken.nominal for taken in batch.processes}) == 1
    assert {len(taken.nanoseconds) for taken in batch.processes} == {16}


def _variables(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}
