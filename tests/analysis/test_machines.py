"""Sessions of several machines: ratios within one, combined over those of a kind, and kinds apart."""

from __future__ import annotations

import math

import msgspec
import pytest
from example_runs import ARMS, good_run

from dlbench import report
from dlbench.analysis import compare, evidence, pairs, pooling
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Sample

pytestmark = pytest.mark.untimed

TF, TORCH = ARMS


def steady(seconds):
    return tuple(
        Sample(stage="steady", steps=1, seconds=seconds, cpu_seconds=seconds, round=at, turn=at) for at in range(10)
    )


def pair_of(group, machine, ratio, **changes):
    """Both arms of a group on a machine; the candidate takes `ratio` times as long."""
    return [
        good_run(plugin, group=group, groups=6, machine=machine, samples=steady(0.01 * by), **changes)
        for plugin, by in ((TF, 1.0), (TORCH, ratio))
    ]


def paired(runs):
    (pair,) = pairs.with_baselines(runs)[pairs.workload(runs[0].spec)]
    return evidence.of(pair, "step_time")


def test_runs_of_two_machines_are_never_paired_whatever_else_they_share():
    (before, after), (_, elsewhere) = pair_of(0, "a", 1.5), pair_of(0, "b", 3.0)
    assert evidence.group_log_ratios([before], [after, elsewhere]) == [pytest.approx(math.log(1.5))]
    apart = Pair(before.spec, elsewhere.spec, [before], [elsewhere])
    assert not apart.in_lockstep
    assert evidence.of(apart, "step_time") is None
    assert evidence.of(apart, "memory_peak") is None


def test_machines_of_one_kind_are_combined_with_the_machine_as_a_level():
    ratios = {"a": (1.10, 1.11, 1.12), "b": (1.20, 1.21, 1.22)}
    of_both = [pair_of(at + 3 * (name == "b"), name, one) for name, of in ratios.items() for at, one in enumerate(of)]
    runs = [run for both in of_both for run in both]
    found = paired(runs)
    assert (found.n, set(found.machines)) == (6, {"a", "b"})
    alone = paired([msgspec.structs.replace(run, machine="a") for run in runs])
    assert found.shift().mean == pytest.approx(alone.shift().mean)
    assert found.shift().error > 2 * alone.shift().error
    assert {run.spec.origin for run in pooling.parted(runs)} == {0}


def test_machines_of_two_kinds_are_said_and_not_pooled():
    runs = [run for at in range(3) for run in pair_of(at, "a", 1.5)]
    other = msgspec.structs.replace(runs[0].environment, cpu="Another CPU")
    runs += [
        msgspec.structs.replace(run, environment=msgspec.structs.replace(run.environment, cpu=other.cpu))
        for at in range(3, 6)
        for run in pair_of(at, "b", 2.5)
    ]
    parted = pooling.parted(runs)
    found = compare.compare(parted)[pairs.workload(runs[0].spec)]
    ratios = {one.candidate: one.ratio.value for one in found if one.ratio is not None}
    assert ratios[runs[1].spec.label] == pytest.approx(1.5)
    assert ratios[f"{runs[1].spec.label} #2"] == pytest.approx(2.5)
    said = report.FORMATS["markdown"].render(report.summarize(runs))
    assert "not pooled, because they were not made alike" in said
    assert "another machine: Example CPU became Another CPU" in said
