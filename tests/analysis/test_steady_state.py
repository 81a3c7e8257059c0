"""Steady states after the fact: shapes that are known, noise that is the machine's, and change points by exhaustion."""

from __future__ import annotations

import itertools
import math

import msgspec
import numpy as np
import pytest
import ruptures
from hypothesis import given, settings
from hypothesis import strategies as st
from sessions import session

from dlbench.analysis import evidence, metrics, steady_state
from dlbench.record.schema import Sample
from dlbench.report import summarize

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
    assert steady_state.shape([noisy(SHAPES[name], seed) for seed in range(processes)]) == name


def test_a_late_change_for_the_better_is_no_steady_state_either():
    assert steady_state.shape([noisy([SLOW] * 70 + [FAST] * 10, seed) for seed in range(5)]) == "no steady state"


def test_a_warm_up_that_slows_down_again_is_a_slowdown():
    levels = [2 * SLOW] * 10 + [FAST] * 30 + [SLOW] * 40
    assert steady_state.shape([noisy(levels, seed) for seed in range(5)]) == "slowdown"


def test_levels_within_tolerance_are_one():
    assert steady_state.shape([noisy([0.0] * 40 + [0.04] * 40, 0, noise=0.005)]) == "flat"


def test_a_change_of_speed_that_comes_at_another_time_in_every_process_is_the_machines():
    """Speeds of 1 and 1.5 that change at random, every process for itself: less than one in twenty is called."""
    called = 0
    for trial in range(100):
        random = np.random.default_rng(trial)
        processes = [noisy(np.repeat(random.choice([0.0, 0.4], 8), 10), trial * 10 + at, 0.1) for at in range(5)]
        called += steady_state.shape(processes) in steady_state.UNSTABLE
    assert called <= 5


def test_a_process_is_looked_at_where_the_others_say():
    flat, slower = ([noisy(SHAPES[name], seed) for seed in range(5)] for name in ("flat", "slowdown"))
    assert steady_state._rise(slower[0], flat[1:]) == 0.0, "its own change is not evidence where the others have none"
    assert steady_state._rise(flat[0], slower[1:]) == pytest.approx(0.0, abs=0.02)
    assert steady_state._rise(slower[0], slower[1:]) == pytest.approx(SLOW, abs=0.02)


@pytest.mark.parametrize("noise", [0.1, 0.2])
def test_steady_programs_on_a_noisy_machine_are_called_less_than_once_in_a_hundred(noise):
    called = 0
    for trial in range(200):
        random = np.random.default_rng(trial)
        machine = [np.repeat(random.normal(0, 0.1, 9), 10) for _ in range(5)]
        processes = [list(random.normal(0, noise, 90) + at) for at in machine]
        called += steady_state.shape(processes) in steady_state.UNSTABLE
    assert called <= 1


def test_what_recurs_is_called_in_spite_of_such_a_machine():
    called = 0
    for trial in range(40):
        random = np.random.default_rng(trial)
        drift = [np.repeat(random.choice([0.0, 0.2], 8, p=[0.8, 0.2]), 10) for _ in range(5)]
        processes = [noisy(SHAPES["slowdown"] + at, trial * 10 + n, 0.05) for n, at in enumerate(drift)]
        called += steady_state.shape(processes) in steady_state.UNSTABLE
    assert called >= 30


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-1, 1).map(lambda value: round(value, 2)), min_size=10, max_size=22))
def test_change_points_are_those_of_the_best_of_all_partitions(values):
    n = len(values)
    noise = max(steady_state._noise(values), 1e-12)
    penalty = steady_state.PENALTY * math.log(n) * noise**2

    def cost(places):
        ends = [0, *places, n]
        parts = [np.array(values[a:b]) for a, b in itertools.pairwise(ends)]
        return sum(((part - part.mean()) ** 2).sum() + penalty for part in parts)

    allowed = [
        places
        for count in range(n // steady_state.SHORTEST)
        for places in itertools.combinations(range(1, n), count)
        if all(b - a >= steady_state.SHORTEST for a, b in itertools.pairwise([0, *places, n]))
    ]
    assert cost(steady_state.change_points(values)) == pytest.approx(min(map(cost, allowed)), abs=1e-9)


def segment_cost(values, places):
    """Sum of squares about the mean of every segment."""
    parts = np.split(np.array(values), places)
    return sum(((part - part.mean()) ** 2).sum() for part in parts)


@pytest.mark.parametrize("seed", range(12))
def test_change_points_are_those_of_ruptures(seed):
    """The same cost, penalty and shortest segment; of two partitions of equal cost either will do."""
    random = np.random.default_rng(seed)
    levels = np.repeat(random.choice([0.0, 0.1, 0.4], 6), random.integers(5, 40, 6))
    values = list(levels + random.normal(0, 0.05, len(levels)))
    penalty = steady_state.PENALTY * math.log(len(values)) * steady_state._noise(values) ** 2
    pelt = ruptures.Pelt(model="l2", min_size=steady_state.SHORTEST, jump=1).fit(np.array(values))
    *expected, end = pelt.predict(pen=penalty)
    found = steady_state.change_points(values)
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
    unstable = name in steady_state.UNSTABLE
    assert {"unstable" in run.flags for run in runs} == {unstable}
    timed = [metric for key, metric in metrics.METRICS.items() if metric.table == "headline" and "memory" not in key]
    values = {metric.of(runs[0]) for metric in timed}
    assert (values == {None}) == unstable
    assert metrics.memory_peak(runs[0]) is not None
    assert (evidence.group_log_ratios(runs, runs) == []) == unstable
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
