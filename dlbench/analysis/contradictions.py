"""Figures of one Run that measure the same thing and contradict each other by more than their scatter.

A contradiction says that the machine disturbed the Run more than its own samples show: threads of a step that wait for
a sibling without a core, for example, make steps forty times longer while others are undisturbed. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis.memo import by_run
from dlbench.analysis.metrics import once
from dlbench.analysis.series import steps_of
from dlbench.record.schema import Run
from dlbench.stats.estimates import median, percentile

LIMIT = 3.0
"""Times that a figure may be another of the same thing: caches, turns of other arms and drift do less.

The speed of a shared machine changes by a fifth within seconds, and a sample may be twice as long beside a neighbour.
"""
SINGLE_LIMIT, SINGLE_COST = 10.0, 1e-3
"""A single step has a barrier and a cold start of its own: times a step of a sample, and seconds beyond."""
NOTCH = 1.57
"""Interquartile ranges over the root of the number: medians further apart than both notches differ (McGill, Tukey and
Larsen, "Variations of box plots", The American Statistician 1978)."""
LAST = 10
"""Samples at the end of warm-up, once it has settled: two windows of the rule that found it settled."""


class Figure(NamedTuple):
    """Seconds a step by one way of measuring: the median of its samples, which rise."""

    name: str
    seconds: float
    samples: Sequence[float] = ()

    @property
    def notch(self) -> float:
        """The notch of its logarithm; 0 for a single number."""
        if not self.samples:
            return 0.0
        low, high = percentile(self.samples, 25), percentile(self.samples, 75)
        if low is None or high is None:  # too few for quartiles
            low, high = self.samples[0], self.samples[-1]
        return NOTCH * (math.log(high) - math.log(low)) / math.sqrt(len(self.samples))


class Contradiction(NamedTuple):
    """Two figures of the same thing, the larger first."""

    larger: Figure
    smaller: Figure


@by_run
def contradictions(run: Run) -> list[Contradiction]:
    """Contradictions between the steady step and all other figures of a step; none for a Run without a steady state."""
    steady = _figure("steady step", steps_of(run, "steady"))
    return [] if steady is None else list(_with(steady, run))


def summary(*sides: Sequence[Run]) -> str:
    """Reason to distrust a ratio of step times: at least half of the processes of a side contradict themselves.

    Fewer widen the interval, and the ratio of many groups leaves them out. Those with latencies, the first of an
    adaptive session, are also counted by themselves: the others could not show as much. Empty if there is no reason.
    """
    said = []
    for side in sides:
        for runs in (side, [run for run in side if steps_of(run, "latency")]):
            found = [one for run in runs if (one := contradictions(run))]
            if found and 2 * len(found) >= len(runs):
                label = runs[0].spec.label
                said.append(f"figures of {label} contradict each other in {len(found)} of {len(runs)} processes")
                break
    return "; ".join(dict.fromkeys(said))


def _with(steady: Figure, run: Run) -> Iterator[Contradiction]:
    single = _figure("single step", steps_of(run, "latency"))
    if single is not None:
        if _beyond(steady, single, LIMIT):
            yield Contradiction(steady, single)
        if _beyond(single, steady, SINGLE_LIMIT) and single.seconds - SINGLE_COST > SINGLE_LIMIT * steady.seconds:
            yield Contradiction(single, steady)
    warm = _figure("end of warm-up", _settled(run))
    if warm is not None and _beyond(steady, warm, LIMIT):
        yield Contradiction(steady, warm)
    if warm is not None and _beyond(warm, steady, LIMIT):
        yield Contradiction(warm, steady)
    for phase, name in (("first_step", "first step"), ("first_step_warm", "first step of a second model")):
        seconds = once(phase, run)
        first = Figure(name, (seconds or 0.0) / run.spec.steps_per_call)
        if seconds and _beyond(steady, first, LIMIT):
            yield Contradiction(steady, first)


def _settled(run: Run) -> Sequence[float]:
    """The last samples of warm-up; none of one that never settled, or was too short to."""
    last = steps_of(run, "warm-up")[-LAST:]
    return [] if run.has("not_settled") or len(last) < LAST else last


def _figure(name: str, seconds: Sequence[float]) -> Figure | None:
    samples = sorted(seconds)
    return Figure(name, median(samples), samples) if samples and samples[0] > 0 else None


def _beyond(larger: Figure, smaller: Figure, limit: float) -> bool:
    apart = math.log(larger.seconds) - math.log(smaller.seconds) - math.log(limit)
    return apart > 0 and apart > larger.notch + smaller.notch
