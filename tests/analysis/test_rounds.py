"""Rounds of arms beside neighbours: what a program waited for a core is in no ratio, where that is known."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from example_runs import bare_run, spec

from dlbench.analysis import evidence, rounds
from dlbench.plugin import ModelInfo
from dlbench.record.schema import Load, Sample

pytestmark = pytest.mark.untimed
WORK, MORE = 0.02, 1.03


def info(device="cpu"):
    return ModelInfo(parameter_count=1, device=device, precision="fp32", path="eager", versions={})


def samples(random, work, *, known=True, waits=0.01):
    """A program that is sent from its core now and then, for as long whatever it computes."""
    for at in range(20):
        waited = float(random.exponential(waits))
        yield Sample(
            stage="steady", steps=4, seconds=work + waited, cpu_seconds=work, round=at,
            waited_seconds=waited if known else None,
        )  # fmt: skip


def arm(name, work, group=0, device="cpu", **more):
    random = np.random.default_rng([group, len(name)])
    place = {"group": group, "groups": 4, "arm": 0, "arms": 2}
    return bare_run(spec=spec(name), samples=tuple(samples(random, work, **more)), info=info(device), **place)


def ratios(**more):
    before = [arm("a.net", WORK, group) for group in range(4)]
    after = [arm("other.net", MORE * WORK, group, **more) for group in range(4)]
    return evidence.group_log_ratios(before, after)


def test_what_a_program_waits_for_a_core_is_in_no_ratio():
    assert ratios() == pytest.approx([math.log(MORE)] * 4)


@pytest.mark.parametrize("more", [{"known": False}, {"device": "gpu"}])
def test_both_arms_keep_their_waits_if_those_of_one_say_nothing(more):
    before, after = arm("a.net", WORK), arm("other.net", MORE * WORK, **more)
    assert rounds.waits_are_known(before)
    assert not rounds.waits_are_known(after)
    assert rounds.by_round_of([before, after]) is rounds.by_round
    assert not np.allclose(ratios(**more), math.log(MORE))


def test_a_run_without_rounds_says_nothing_of_its_waits():
    run = arm("a.net", WORK)
    assert not rounds.waits_are_known(msgspec.structs.replace(run, samples=()))
    assert not rounds.waits_are_known(msgspec.structs.replace(run, info=None))


def test_a_program_that_waits_for_its_own_processes_waits_for_itself():
    of = {"load_average": 1.0, "cpu_pressure": 0.5, "memory_pressure": 0.0, "steal": 0.0}
    run = arm("a.net", WORK)
    for helper, known in ((0.0, True), (rounds.OWN * 2, False)):
        load = Load(helper_cpu=helper, **of)
        assert rounds.waits_are_known(msgspec.structs.replace(run, load=load)) is known


def test_time_without_waiting_is_never_below_that_of_the_processor_or_above_the_clock():
    of = {"stage": "steady", "steps": 1, "round": 0}
    too_long = Sample(seconds=1.0, cpu_seconds=0.9, waited_seconds=0.5, **of)
    asleep = Sample(seconds=1.0, cpu_seconds=0.1, waited_seconds=0.2, **of)
    beside = Sample(seconds=1.0, cpu_seconds=1.9, waited_seconds=0.2, **of)
    found = [rounds.with_a_core(bare_run(samples=(sample,)))[0] for sample in (too_long, asleep, beside)]
    assert found == pytest.approx([0.9, 0.8, 1.0])


def test_a_tenth_of_samples_may_lack_their_waits_and_then_take_no_part():
    run = arm("a.net", WORK)
    lacking = [msgspec.structs.replace(one, waited_seconds=None) for one in run.samples]
    few, many = (msgspec.structs.replace(run, samples=(*lacking[:n], *run.samples[n:])) for n in (2, 3))
    assert rounds.waits_are_known(few)
    assert sorted(rounds.with_a_core(few)) == list(range(2, 20))
    assert not rounds.waits_are_known(many)
