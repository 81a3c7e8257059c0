"""Rounds of arms beside neighbours: what a program waited for a core is in no ratio, where that is known."""

from __future__ import annotations

import math

import msgspec
import numpy as np
import pytest
from example_runs import bare_run, spec

from dlbench.analysis import compare, evidence, rounds
from dlbench.analysis.pairs import Pair
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
    assert rounds.waits_are_counted(before)
    assert not rounds.waits_are_counted(after)
    assert rounds.by_round_of([before, after]) is rounds.by_round
    assert not np.allclose(ratios(**more), math.log(MORE))


def test_a_run_without_rounds_says_nothing_of_its_waits():
    run = arm("a.net", WORK)
    assert not rounds.waits_are_counted(msgspec.structs.replace(run, samples=()))
    assert not rounds.waits_are_counted(msgspec.structs.replace(run, info=None))


def test_a_program_that_waits_for_its_own_processes_waits_for_itself():
    of = {"load_average": 1.0, "cpu_pressure": 0.5, "memory_pressure": 0.0, "steal": 0.0}
    run = arm("a.net", WORK)
    for helper, known in ((0.0, True), (rounds.OWN * 2, False)):
        load = Load(helper_cpu=helper, **of)
        assert rounds.waits_are_counted(msgspec.structs.replace(run, load=load)) is known


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
    assert rounds.waits_are_counted(few)
    assert sorted(rounds.with_a_core(few)) == list(range(2, 20))
    assert not rounds.waits_are_counted(many)


SMALL = 1e-4


def handing(name, group, *, unsure, step, pressure, rounds_known=0):
    """An arm whose threads hand work to one another: of its waits nobody says how long they made a step."""
    known = {at: at < rounds_known for at in range(20)}
    taken = [
        Sample(
            stage="steady", steps=4, round=at, cpu_seconds=WORK,
            seconds=WORK + (SMALL if known[at] else step), waited_seconds=0.0 if known[at] else None,
            unsure_seconds=SMALL if known[at] else unsure,
        )
        for at in range(20)
    ]  # fmt: skip
    place = {"group": group, "groups": 6, "arm": 0, "arms": 2}
    load = Load(load_average=4.0, cpu_pressure=pressure, memory_pressure=0.0, steal=0.0)
    return bare_run(spec=spec(name), samples=tuple(taken), info=info(), load=load, **place)


def sides(*, unsure=0.1, pressure=0.9, **more):
    """Equal programs, of which the second hands over more often, and loses twice as much to the neighbours."""
    return [
        [handing(name, group, unsure=unsure, step=step, pressure=pressure, **more) for group in range(6)]
        for name, step in (("a.net", 0.1), ("other.net", 0.2))
    ]


def test_equal_programs_that_hand_over_beside_others_have_no_ratio_rather_than_a_wrong_one():
    before, after = sides()
    assert evidence.group_log_ratios(before, after) == []
    said = evidence.disturbance(before, after)
    assert "6 of 6 groups" in said
    pair = Pair(before[0].spec, after[0].spec, before, after)
    (found,) = compare.comparisons(evidence.collect([pair], ["step_time"]), "step_time")
    assert (found.verdict, found.code, found.ratio, found.reason) == ("inconclusive", "disturbed", None, said)


def test_rounds_that_nobody_disturbed_make_the_ratio():
    before, after = sides(rounds_known=5)
    assert evidence.group_log_ratios(before, after) == pytest.approx([0.0] * 6)
    assert evidence.disturbance(before, after) == ""
    assert evidence.group_log_ratios(*sides(rounds_known=4)) == []


def test_groups_that_nobody_disturbed_make_the_ratio_if_they_are_half_of_all():
    quiet, busy = sides(rounds_known=20), sides()
    for number, expected in ((3, [0.0] * 3), (2, [])):
        mixed = [[*of[:number], *disturbed[number:]] for of, disturbed in zip(quiet, busy, strict=True)]
        assert evidence.group_log_ratios(*mixed) == pytest.approx(expected)


@pytest.mark.parametrize("rounds_known", [5, 12, 17])
def test_some_disturbed_rounds_leave_a_ratio_of_the_others(rounds_known):
    found = evidence.group_log_ratios(*sides(rounds_known=rounds_known))
    assert found == pytest.approx([0.0] * 6)


@pytest.mark.parametrize(
    ("pressure", "unsure", "kept"),
    [(0.2, 0.1, True), (0.9, 0.01, True), (0.9, 0.1, False), (None, 0.02, True), (None, 0.1, False)],
)
def test_threads_that_wait_for_each_other_on_a_machine_of_their_own_keep_the_clock(pressure, unsure, kept):
    before, after = sides(pressure=pressure, unsure=unsure)
    expected = [math.log((WORK + 0.2) / (WORK + 0.1))] * 6 if kept else []
    assert evidence.group_log_ratios(before, after) == pytest.approx(expected)


def test_records_that_lack_what_is_unsure_are_judged_as_they_were():
    before, after = sides()
    before, after = (
        [
            msgspec.structs.replace(
                run, samples=tuple(msgspec.structs.replace(one, unsure_seconds=None) for one in run.samples)
            )
            for run in runs
        ]
        for runs in (before, after)
    )
    assert len(evidence.group_log_ratios(before, after)) == 6
