"""The warm-up rule: samples are taken until they are long enough and two windows of them agree. Knows numbers only."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dlbench.measure.timing import Timing

WINDOW = 5
"""Samples in a window: medians of two consecutive windows are compared to tell a steady state."""


class SettleRule(NamedTuple):
    """End of warm-up: both minima reached and two windows alike, or a cap; samples and turns last so many seconds."""

    sample_seconds: float
    turn_seconds: float
    steps: int
    seconds: float
    tolerance: float
    cap_seconds: float
    cap_samples: int


class Settled(NamedTuple):
    """The warm-up samples, the steps of a sample and of one in a turn, and whether a steady state was found."""

    timings: list[Timing]
    steps: int
    turn_steps: int
    settled: bool


def settle(take: Callable[[int], Timing], rule: SettleRule) -> Settled:
    """Take samples until they are long enough and steady.

    The sample size is the smallest number of steps that lasts `sample_seconds`; it grows while warm-up goes on, and
    windows hold samples of one size only. A turn has the fewest steps that last `turn_seconds`.
    """
    timings: list[Timing] = []
    steps, elapsed = 1, 0.0
    while elapsed < rule.cap_seconds and len(timings) < rule.cap_samples:
        timings.append(take(steps))
        steps = timings[-1].steps
        elapsed += timings[-1].seconds
        larger = _steps_for(rule.sample_seconds, timings, steps)
        if larger > steps:
            steps = larger
        elif _enough(timings, elapsed, rule) and is_steady(_same_size(timings, steps), rule.tolerance):
            return Settled(timings, steps, _of_turn(rule, timings, steps), settled=True)
    return Settled(timings, steps, _of_turn(rule, timings, steps), settled=False)


def is_steady(step_seconds: Sequence[float], tolerance: float) -> bool:
    """True if the medians of the last two windows differ by no more than this share of the earlier one."""
    if len(step_seconds) < 2 * WINDOW:
        return False
    before = statistics.median(step_seconds[-2 * WINDOW : -WINDOW])
    after = statistics.median(step_seconds[-WINDOW:])
    return abs(after - before) <= tolerance * before


def _of_turn(rule: SettleRule, timings: Sequence[Timing], steps: int) -> int:
    """Steps of a sample in a turn: no more than of another sample, and as many where none of this size was taken."""
    taken = _same_size(timings, steps)
    return min(steps, _steps_for(rule.turn_seconds, timings, steps)) if taken else steps


def _steps_for(sample_seconds: float, timings: Sequence[Timing], steps: int) -> int:
    """Steps that make the fastest of the last samples of this size long enough."""
    fastest = min(_same_size(timings, steps)[-WINDOW:])
    return math.ceil(sample_seconds / max(fastest, 1e-9))


def _same_size(timings: Sequence[Timing], steps: int) -> list[float]:
    return [timing.step_seconds for timing in timings if timing.steps == steps]


def _enough(timings: Sequence[Timing], elapsed: float, rule: SettleRule) -> bool:
    return elapsed >= rule.seconds and sum(timing.steps for timing in timings) >= rule.steps
