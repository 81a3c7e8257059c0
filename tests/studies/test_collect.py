"""Collection of batches for the study of verdicts: real groups, beside a neighbour."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import psutil
import pytest
from synthetic_pool import synthetic_pool

from studies.decision_quality import collect, measure, pool
from studies.decision_quality.workloads import POLICY, SLOWDOWNS

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_a_group_is_collected_beside_a_neighbour_and_nothing_is_left_running(tmp_path):
    options = ["--workload", "two modes", "--minutes", "0.01", "--neighbours", "1", "--out", str(tmp_path)]
    command, mark = [sys.executable, "-m", "studies.decision_quality", "collect", *options], str(tmp_path)
    subprocess.run(command, cwd=ROOT, env={**os.environ, "STUDY_TEST": mark}, check=True)
    assert not [process for process in psutil.process_iter() if _variables(process).get("STUDY_TEST") == mark]
    (batch,) = pool.read(tmp_path / "pool-quiet.jsonl.gz")
    assert batch.neighbours == 1
    assert batch.kind == "lockstep"
    assert batch.plan == (POLICY, "fresh")
    assert batch.in_full
    assert batch.pilot_seconds > 0
    assert [taken.arm for taken in batch.processes] == list(SLOWDOWNS)
    assert [taken.slowdown for taken in batch.processes] == pytest.approx(list(SLOWDOWNS.values()))
    assert len({taken.nominal for taken in batch.processes}) == 1
    assert {len(taken.nanoseconds) for taken in batch.processes} == {20}


@pytest.mark.untimed
@pytest.mark.parametrize(("number", "in_full"), [(12, True), (15, False)])
def test_a_cycle_begins_with_a_pilot_process_and_three_groups_in_full(monkeypatch, number, in_full):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), str(ROOT / "studies" / "plugins")]))
    short = msgspec.structs.replace(POLICY, samples=2, settle_seconds=0.01, sample_seconds=0.001, latency_steps=1)
    monkeypatch.setattr(measure, "POLICY", short)
    batch = measure.Bench("two modes", ["base", "3%"]).measure("lockstep", number, 1, 0.7)
    assert batch.plan == (short, "fresh")
    assert batch.in_full == in_full
    assert (batch.pilot_seconds > 0) == in_full
    assert (batch.neighbours, batch.duty) == (1, 0.7)


@pytest.mark.untimed
def test_a_pool_of_another_plan_is_not_added_to(tmp_path):
    path = tmp_path / "pool-quiet.jsonl.gz"
    pool.append(path, synthetic_pool(1))
    with pytest.raises(ValueError, match="holds processes of another policy than today's; give another --pool"):
        collect.collect(path, collect.Plan(["gemm"], 1.0), lambda _: None)


def _variables(process):
    try:
        return process.environ()
    except psutil.Error:
        return {}
