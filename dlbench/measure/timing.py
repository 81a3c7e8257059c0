"""Timing in the child: one sample, its size, and when warm-up is over. Knows callables and numbers only."""

from __future__ import annotations

import gc
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Step = Callable[[], Any]
Barrier = Callable[[Any], None]

WINDOW = 5
"""Samples in a window: medians of two consecutive windows are compared to tell a steady state."""


class Timing(NamedTuple):
    """`steps` consecutive steps ended by the barrier, in wall and CPU seconds."""

    steps: int
    seconds: float
    cpu_seconds: float

    @property
    def step_seconds(self) -> float:
        """Wall seconds of one step."""
        return self.seconds / self.steps


@dataclass(frozen=True)
class Clock:
    """Where time comes from; a test gives its own. Both count seconds from an arbitrary start."""

    wall: Callable[[], float] = field(default=lambda: time.perf_counter_ns() * 1e-9)
    cpu: Callable[[], float] = field(default=lambda: time.process_time_ns() * 1e-9)


class Sampler:
    """Takes samples of one step function, the barrier inside the clock and the garbage collector outside it.

    A call of the function takes `steps_per_call` steps; a sample holds as many whole calls as its steps need.
    """

    def __init__(
        self,
        step: Step,
        barrier: Barrier,
        ready: Callable[[int], None] = lambda _: None,
        clock: Clock | None = None,
        steps_per_call: int = 1,
    ) -> None:
        self._step, self._barrier, self._ready = step, barrier, ready
        self._steps_per_call = steps_per_call
        self._clock = clock or Clock()

    def take(self, steps: int) -> Timing:
        """Time `steps` consecutive steps, or as many more as the last call takes, and the barrier that ends them."""
        step, wall, cpu = self._step, self._clock.wall, self._clock.cpu
        result = None
        calls = -(-steps // self._steps_per_call)
        self._ready(calls)
        gc.collect()
        gc.disable()
        try:
            cpu_start, start = cpu(), wall()
            for _ in range(calls):
                result = step()
            self._barrier(result)
            seconds, cpu_seconds = wall() - start, cpu() - cpu_start
        finally:
            gc.enable()
        return Timing(calls * self._steps_per_call, seconds, cpu_seconds)

    def overhead(self, repeats: int = 101) -> float:
        """Median seconds that reading the clocks and an empty barrier add to a sample."""
        empty = Sampler(lambda: None, lambda _: None, clock=self._clock)
        return statistics.median(empty.take(1).seconds for _ in range(repeats))


class SettleRule(NamedTuple):
    """When warm-up ends: both minima reached and two windows alike, or a cap. Times in seconds."""

    sample_seconds: float
    steps: int
    seconds: float
    tolerance: float
    cap_seconds: float
    cap_samples: int


class Settled(NamedTuple):
    """The warm-up samples, the sample size that was found, and whether a steady state was."""

    timings: list[Timing]
    steps: int
    settled: bool


def settle(take: Callable[[int], Timing], rule: SettleRule) -> Settled:
    """Take samples until they are long enough and steady.

    The sample size is the smallest number of steps that lasts `sample_seconds`; it grows while warm-up goes on, and
    windows hold samples of one size only.
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
            return Settled(timings, steps, settled=True)
    return Settled(timings, steps, settled=False)


def is_steady(step_seconds: Sequence[float], tolerance: float) -> bool:
    """Whether the medians of the last two windows differ by no more than this share of the earlier one."""
    if len(step_seconds) < 2 * WINDOW:
        return False
    before = statistics.median(step_seconds[-2 * WINDOW : -WINDOW])
    after = statistics.median(step_seconds[-WINDOW:])
    return abs(after - before) <= tolerance * before


def _steps_for(sample_seconds: float, timings: Sequence[Timing], steps: int) -> int:
    """Steps that make the fastest of the last samples of this size long enough."""
    fastest = min(_same_size(timings, steps)[-WINDOW:])
    return math.ceil(sample_seconds / max(fastest, 1e-9))


def _same_size(timings: Sequence[Timing], steps: int) -> list[float]:
    return [timing.step_seconds for timing in timings if timing.steps == steps]


def _enough(timings: Sequence[Timing], elapsed: float, rule: SettleRule) -> bool:
    return elapsed >= rule.seconds and sum(timing.steps for timing in timings) >= rule.steps
