"""Timing in the child: one sample of several steps. Knows callables and numbers only."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

Step = Callable[[], Any]
Barrier = Callable[[Any], None]


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
    """Source of time; a test gives its own. Both count seconds from an arbitrary start."""

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
