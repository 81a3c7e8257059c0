"""Timing in the child: one sample of several steps. Knows callables and numbers only.

Clocks and collector are bound here, before a plugin is loaded: one that replaces `time.perf_counter` or `gc.collect`
changes nothing for a sample.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass, field
from gc import collect, disable, enable
from time import monotonic_ns, perf_counter_ns, process_time_ns
from typing import Any, NamedTuple

Step = Callable[[], Any]
Barrier = Callable[[Any], object]
Waited = tuple[float | None, float | None]
"""Seconds without a core, and those of which nobody can say; None where they are not known, or were not read."""
APART, READING = 0.1, 1e-5
"""Share of a sample's seconds, and seconds, above which two clocks contradict each other."""


def _unread(_: float, __: float) -> Waited:
    return None, None


class Timing(NamedTuple):
    """`steps` consecutive steps ended by the barrier, in wall and CPU seconds.

    `waited_seconds` are those in which it was ready and had no core; None where they are not known, or were not read.
    `unsure_seconds` are those of which nobody can say whether it waited.
    """

    steps: int
    seconds: float
    cpu_seconds: float
    waited_seconds: float | None = None
    unsure_seconds: float | None = None

    @property
    def step_seconds(self) -> float:
        """Wall seconds of one step."""
        return self.seconds / self.steps


@dataclass(frozen=True)
class Clock:
    """Source of time; a test gives its own. All count seconds from an arbitrary start; `other` watches `wall`.

    `waits` begins to count seconds without a core: it returns a function that says how many of these seconds they were,
    and is given CPU seconds too.
    """

    wall: Callable[[], float] = field(default=lambda: perf_counter_ns() * 1e-9)
    cpu: Callable[[], float] = field(default=lambda: process_time_ns() * 1e-9)
    other: Callable[[], float] = field(default=lambda: monotonic_ns() * 1e-9)
    waits: Callable[[], Callable[[float, float], Waited]] = field(default=lambda: _unread)


class Watch(NamedTuple):
    """Samples so far, those in which a second clock contradicts the one that timed them, and the seconds of both.

    Both are read one right after the other: a process may lose its core in between, and seldom does.
    """

    samples: int = 0
    apart: int = 0
    seconds: float = 0.0
    other: float = 0.0

    def after(self, seconds: float, other: float) -> Watch:
        """With one more sample."""
        apart = abs(other - seconds) > APART * seconds + READING
        return Watch(self.samples + 1, self.apart + apart, self.seconds + seconds, self.other + other)


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
        least_seconds: float = 0.0,
    ) -> None:
        """`least_seconds` of a sample make its barrier a small part of it, whatever `overhead` does not know of."""
        self._step, self._barrier, self._ready, self.least_seconds = step, barrier, ready, least_seconds
        self._steps_per_call = steps_per_call
        self._clock = clock or Clock()
        self.watch = Watch()

    def take(self, steps: int, *, waits: bool = False) -> Timing:
        """Time `steps` consecutive steps, or as many more as the last call takes, and the barrier that ends them.

        With `waits` the seconds without a core are read too, which takes some 0.1 ms outside the clock.
        """
        step, wall, cpu, other = self._step, self._clock.wall, self._clock.cpu, self._clock.other
        result = None
        calls = -(-steps // self._steps_per_call)
        self._ready(calls)
        collect()
        disable()
        try:
            waited = self._clock.waits() if waits else _unread
            cpu_start, other_start, start = cpu(), other(), wall()
            for _ in range(calls):
                result = step()
            self._barrier(result)
            seconds, other_seconds, cpu_seconds = wall() - start, other() - other_start, cpu() - cpu_start
            without_core = waited(seconds, cpu_seconds)
        finally:
            enable()
        self.watch = self.watch.after(seconds, other_seconds)
        return Timing(calls * self._steps_per_call, seconds, cpu_seconds, *without_core)

    def overhead(self, repeats: int = 101) -> float:
        """Median seconds that reading the clocks and an empty barrier add to a sample."""
        empty = Sampler(lambda: None, lambda _: None, clock=self._clock)
        return statistics.median(empty.take(1).seconds for _ in range(repeats))
