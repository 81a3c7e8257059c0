"""Steady states after the fact: shapes that are known, noise that is the machine's, and change points by exhaustion."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
from cases import unsteady_by_the_machine
from example_runs import bare_run, spec
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sessions import session

from dlbench.analysis import compare, evidence, memory, metrics, shapes, steady_state, stopping
from dlbench.record.schema import Sample
from dlbench.report import summarize

pytestmark = pytest.mark.untimed

SLOW, FAST = math.log(1.3), 0.0
SHAPES = {
    "flat": [FAST] * 80,
    "warm-up": [SLOW] * 20 + [FAST] * 60,
    "slowdown": [FAST] * 40 + [SLOW] * 40,
    "no steady state": [FAST] * 68 + [SLOW] * 12,
}


def noisy(levels, seed, noise=0.02):
    return list(np.array(levels) + np.random.default_rng(seed).normal(0, noise, len(levels)))


@pytest.mark.parametrize("processes", [1, 5])
@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_told(name, processes):
    assert shapes.shape([noisy(SHAPES[name], seed) for seed in range(processes)]) == name


def test_a_late_change_for_the_better_is_no_steady_state_either():
    assert shapes.shape([noisy([SLOW] * 70 + [FAST] * 10, seed) for seed in range(5)]) == "no steady state"


def test_a_warm_up_that_slows_down_again_is_a_slowdown():
    levels = [2 * SLOW] * 10 + [FAST] * 30 + [SLOW] * 40
    assert shapes.shape([noisy(levels, seed) for seed in range(5)]) == "slowdown"


def test_levels_within_tolerance_are_one():
    assert shapes.shape([noisy([0.0] * 40 + [0.04] * 40, 0, noise=0.005)]) == "flat"


def test_a_change_of_speed_that_comes_at_another_time_in_every_process_is_the_machines():
    """Speeds of 1 and 1.5 that change at random, every process for itself: less than one in twenty is called."""
    called = 0
    for trial in range(100):
        random = np.random.default_rng(trial)
        processes = [noisy(np.repeat(random.choice([0.0, 0.4], 8), 10), trial * 10 + at, 0.1) for at in range(5)]
        called += shapes.shape(processes) in shapes.UNSTABLE
    assert called <= 5


def test_a_process_is_looked_at_where_the_others_say():
    flat, slower = ([noisy(SHAPES[name], seed) for seed in range(5)] for name in ("flat", "slowdown"))
    assert shapes._rise(slower[0], flat[1:]) == 0.0, "its own change is not evidence where the others have none"
    assert shapes._rise(flat[0], slower[1:]) == pytest.approx(0.0, abs=0.02)
    assert shapes._rise(slower[0], slower[1:]) == pytest.approx(SLOW, abs=0.02)


@pytest.mark.parametrize("noise", [0.1, 0.2])
def test_steady_programs_on_a_noisy_machine_are_called_less_than_once_in_a_hundred(noise):
    called = 0
    for trial in range(200):
        random = np.random.default_rng(trial)
        machine = [np.repeat(random.normal(0, 0.1, 9), 10) for _ in range(5)]
        processes = [list(random.normal(0, noise, 90) + at) for at in machine]
        called += shapes.shape(processes) in shapes.UNSTABLE
    assert called <= 1


def test_what_recurs_is_called_in_spite_of_such_a_machine():
    called = 0
    for trial in range(40):
        random = np.random.default_rng(trial)
        drift = [np.repeat(random.choice([0.0, 0.2], 8, p=[0.8, 0.2]), 10) for _ in range(5)]
        processes = [noisy(SHAPES["slowdown"] + at, trial * 10 + n, 0.05) for n, at in enumerate(drift)]
        called += shapes.shape(processes) in shapes.UNSTABLE
    assert called >= 30


@settings(max_examples=40, deadline=None)
@example(values=[0.0, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 0.0, 1.0, 1.0, -1.0])  # too short to replace a segment at once
@given(st.lists(st.floats(-1, 1).map(lambda value: round(value, 2)), min_size=10, max_size=22))
def test_change_points_are_those_of_the_best_of_all_partitions(values):
    n = len(values)
    noise = max(shapes._noise(values), 1e-12)
    penalty = shapes.PENALTY * math.log(n) * noise**2

    def cost(places):
        ends = [0, *places, n]
        parts = [np.array(values[a:b]) for a, b in itertools.pairwise(ends)]
        return sum(((part - part.mean()) ** 2).sum() + penalty for part in parts)

    allowed = [
        places
        for count in range(n // shapes.SHORTEST)
        for places in itertools.combinations(range(1, n), count)
        if all(b - a >= shapes.SHORTEST for a, b in itertools.pairwise([0, *places, n]))
    ]
    assert cost(shapes.change_points(values)) == pytest.approx(min(map(cost, allowed)), abs=1e-9)


def segment_cost(values, places):
    """Sum of squares about the mean of every segment."""
    parts = np.split(np.array(values), places)
    return sum(((part - part.mean()) ** 2).sum() for part in parts)


@pytest.mark.parametrize("seed", range(12))
def test_change_points_are_those_of_ruptures(seed):
    """The same cost, penalty and shortest segment; of two partitions of equal cost either will do."""
    import ruptures  # takes long, and every worker collects this module

    random = np.random.default_rng(seed)
    levels = np.repeat(random.choice([0.0, 0.1, 0.4], 6), random.integers(5, 40, 6))
    values = list(levels + random.normal(0, 0.05, len(levels)))
    penalty = shapes.PENALTY * math.log(len(values)) * shapes._noise(values) ** 2
    pelt = ruptures.Pelt(model="l2", min_size=shapes.SHORTEST, jump=1).fit(np.array(values))
    *expected, end = pelt.predict(pen=penalty)
    found = shapes.change_points(values)
    assert end == len(values)
    assert len(found) == len(expected) > 0
    assert segment_cost(values, found) == pytest.approx(segment_cost(values, expected), abs=1e-9)


def shaped(name, processes=5, **changes):
    """A session whose series have this shape, with as many warm-up samples as the shape is long for."""
    return [
        msgspec.structs.replace(
            run,
            samples=tuple(
                Sample(
                    stage="warm-up" if at < 30 else "steady",
                    steps=1,
                    seconds=0.01 * math.exp(value),
                    cpu_seconds=0.0,
                    round=at - 30 if at >= 30 else None,
                )
                for at, value in enumerate(noisy(SHAPES[name], run.group))
            ),
        )
        for run in session("s", processes=processes, **changes)
    ]


@pytest.mark.parametrize("name", SHAPES)
def test_an_unstable_program_is_flagged_and_has_no_number(name):
    runs = steady_state.flag_unsteady(shaped(name))
    unstable = name in shapes.UNSTABLE
    assert {"unstable" in run.flags for run in runs} == {unstable}
    timed = [metric for key, metric in metrics.METRICS.items() if metric.table == "headline" and "memory" not in key]
    values = {metric.of(runs[0]) for metric in timed}
    assert (values == {None}) == unstable
    assert memory.memory_peak(runs[0]) is not None
    assert steady_state.flag_unsteady(runs) == runs


def test_the_report_says_so():
    report = summarize(shaped("slowdown"))
    assert any("unstable" in text or "steady state" in text for text in report.warnings)
    assert "throughput" not in report.sections[0].arms[0].metrics
    assert "throughput" in summarize(shaped("warm-up")).sections[0].arms[0].metrics


def test_a_single_process_cannot_tell_program_from_machine_and_keeps_its_figures():
    (run,) = steady_state.flag_unsteady(shaped("slowdown", processes=1))
    assert run.flags == ("drifted",)
    assert metrics.METRICS["throughput"].of(run) > 0
    assert any("one process cannot tell" in text for text in summarize([run]).warnings)
    assert steady_state.flag_unsteady([run]) == [run]
    assert steady_state.flag_unsteady(shaped("warm-up", processes=1))[0].flags == ()


def test_a_few_samples_are_no_series():
    runs = session("s")
    assert steady_state.flag_unsteady(runs) == runs


def turns(arms, groups=10, seed=0, drift=0.0):
    """Runs of arms in lockstep: the levels of each arm's rounds, times the machine's effect on all of them.

    It changes its speed at random, and in every group becomes slower by `drift`.
    """
    random, found = np.random.default_rng(seed), []
    for group in range(groups):
        machine = np.repeat(random.normal(0, 0.1, 8), 5) + np.linspace(0, drift, 40)
        for arm, (plugin, levels) in enumerate(arms.items()):
            values = np.array(levels) + machine + random.normal(0, 0.03, 40)
            steady = [
                Sample(stage="steady", steps=1, seconds=0.01 * math.exp(value), cpu_seconds=0, round=at)
                for at, value in enumerate(values)
            ]
            place = {"group": group, "groups": groups, "arm": arm, "arms": len(arms)}
            found.append(bare_run(spec=spec(plugin), samples=tuple(steady), **place))
    return found


def of(runs, plugin):
    return [run for run in runs if run.spec.plugin == plugin]


def flagged(runs):
    return {run.spec.plugin for run in runs if run.has("unstable")}


ROUNDS = {
    "flat": [FAST] * 40,
    "late": [FAST] * 34 + [SLOW] * 6,
    "slowdown": [FAST] * 20 + [SLOW] * 20,
    "warm-up": [SLOW] * 8 + [FAST] * 32,
}


def test_a_session_on_an_unsteady_machine_gives_its_ratio_and_goes_on_to_the_next_look():
    runs = unsteady_by_the_machine()
    alone = [msgspec.structs.replace(run, part=int(run.spec.plugin == "b.steady")) for run in runs]
    assert flagged(steady_state.flag_unsteady(alone)) == {"b.steady"}, "by its own series it is never steady"
    ((found,),) = compare.compare(steady_state.flag_unsteady(runs)).values()
    assert found.verdict == "slower"
    assert found.ratio.value == pytest.approx(1.034, abs=0.001)
    assert found.ratio.low < 1.03 < found.ratio.high
    assert found.before is not None and found.after is not None
    assert not any(stopping.enough([run for run in runs if run.group < groups]) for groups in range(1, 8))


@pytest.mark.parametrize("kind", ROUNDS)
def test_what_two_arms_show_at_the_same_time_is_the_machines(kind):
    for seed in range(5):
        runs = turns({"a.net": ROUNDS[kind], "b.net": ROUNDS[kind]}, seed=seed, drift=0.3)
        assert flagged(steady_state.flag_unsteady(runs)) == set()
        assert len(evidence.group_log_ratios(of(runs, "a.net"), of(runs, "b.net"))) == 10


@pytest.mark.parametrize("kind", ["late", "slowdown"])
def test_the_arm_that_changes_beside_the_others_is_flagged_and_no_other(kind):
    for seed in range(5):
        runs = steady_state.flag_unsteady(turns({"a.net": ROUNDS["flat"], "b.net": ROUNDS[kind]}, seed=seed))
        assert flagged(runs) == {"b.net"}
        assert evidence.group_log_ratios(of(runs, "a.net"), of(runs, "b.net")) == []
        assert metrics.step_seconds(of(runs, "a.net")[0]) > 0


def test_a_warm_up_within_the_rounds_of_one_arm_is_held_against_neither():
    runs = turns({"a.net": ROUNDS["flat"], "b.net": ROUNDS["warm-up"]})
    assert flagged(steady_state.flag_unsteady(runs)) == set()


def test_two_unsteady_arms_that_change_together_keep_the_ratio_between_them():
    arms = {"a.net": "flat", "b.net": "slowdown", "c.net": "slowdown", "d.net": "flat", "e.net": "flat"}
    runs = steady_state.flag_unsteady(turns({name: ROUNDS[kind] for name, kind in arms.items()}))
    assert flagged(runs) == {"b.net", "c.net"}
    assert len(evidence.group_log_ratios(of(runs, "b.net"), of(runs, "c.net"))) == 10
    assert evidence.group_log_ratios(of(runs, "a.net"), of(runs, "b.net")) == []
    assert metrics.step_seconds(of(runs, "b.net")[0]) is None, "a time of it is still not read"


def test_a_twin_that_slows_down_likewise_does_not_hide_it():
    slightly = [FAST] * 20 + [0.08] * 20  # half of it would be within tolerance
    runs = turns({"a.net": slightly, "twin.net": slightly, "b.net": ROUNDS["flat"]})
    again = {"spec": spec("a.net"), "control": True}
    runs = [msgspec.structs.replace(run, **again) if run.spec.plugin == "twin.net" else run for run in runs]
    assert flagged(steady_state.flag_unsteady(runs)) == {"a.net"}
    assert all(run.has("unstable") for run in steady_state.flag_unsteady(runs) if run.control)


def test_one_group_of_arms_that_change_together_is_not_even_indicative_of_a_drift():
    (kept, other) = steady_state.flag_unsteady(turns({"a.net": ROUNDS["late"], "b.net": ROUNDS["late"]}, groups=1))
    assert kept.flags == other.flags == ()
    runs = steady_state.flag_unsteady(turns({"a.net": ROUNDS["flat"], "b.net": ROUNDS["slowdown"]}, groups=1))
    assert [run.flags for run in runs] == [(), ("drifted",)]
