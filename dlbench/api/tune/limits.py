"""Limits that a setting must keep: memory, latency and error; their words, and the figures that they limit."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis import metrics
from dlbench.analysis.memory import device_memory_peak, driver_memory, memory_total
from dlbench.api.request import memory_limit
from dlbench.errors import SpecError
from dlbench.record.schema import Run
from dlbench.report.units import format_value

_SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}
_DURATION = re.compile(r"(\d+(?:\.\d*)?(?:e[-+]?\d+)?)(s|ms|us|µs)")


class Limits(NamedTuple):
    """The most bytes of a process, or on its device; relative error; seconds of the median call. None is no limit."""

    memory: int | None = None
    error: float | None = None
    latency: float | None = None

    @classmethod
    def read(cls, max_memory: str, max_error: float | None, max_latency: str) -> Limits:
        """The limits by their words. Raises SpecError."""
        if max_error is not None and not 0 < max_error < math.inf:
            raise SpecError(f"max error is {max_error}: it must be a number above 0, such as 1e-3")
        try:
            memory = memory_limit(max_memory) if max_memory else None
        except SpecError as error:
            raise SpecError(f"--max-memory: {error}") from error
        return cls(memory, max_error, _duration(max_latency) if max_latency else None)

    def words(self) -> tuple[str, ...]:
        """Each limit as its option says it."""
        return tuple(f"{one.option} {one.shown(limit)}" for one, limit in self.given())

    def given(self) -> Iterator[tuple[Figure, float]]:
        """The figures that have a limit, with it."""
        for one in FIGURES:
            limit = getattr(self, one.name)
            if limit is not None:
                yield one, limit


class Facts(NamedTuple):
    """Figures of a setting; None for one that is not known."""

    throughput: float | None = None
    latency: float | None = None
    memory: float | None = None
    error: float | None = None


class Figure(NamedTuple):
    """A figure with a limit: its name in Limits and Facts, its option, and its value for people."""

    name: str
    option: str
    shown: Callable[[float], str]


FIGURES = (
    Figure("memory", "--max-memory", lambda value: format_value(value, "bytes")),
    Figure("error", "--max-error", lambda value: f"{value:.2g}"),
    Figure("latency", "--max-latency", lambda value: format_value(value, "s")),
)


def facts(runs: Sequence[Run]) -> Facts:
    """The figures of one arm by its Runs that ended well: medians of speed, and the most memory.

    The latency is that of a call, which is what a program waits for: of all its steps.
    """
    runs = [run for run in runs if run.ok]
    speeds = sorted(speed for run in runs if (speed := metrics.throughput(run)) is not None)
    sizes = [size for run in runs if (size := memory(run)) is not None]
    step = metrics.pooled_latency(50, runs)
    call = None if step is None else step * runs[0].spec.steps_per_call
    return Facts(speeds[len(speeds) // 2] if speeds else None, call, max(sizes, default=None))


def memory(run: Run) -> float | None:
    """Bytes that its process took at most: on the device if it is one of its own, else in all."""
    if run.info is None or run.info.device == "cpu":
        return memory_total(run)
    found = [of for of in (device_memory_peak(run), driver_memory(run)) if of is not None]
    return max(found, default=None)


def broken(limits: Limits, found: Facts, of: Sequence[str]) -> str:
    """The first limit on one of these figures that is not surely kept, in words; empty if all are."""
    for one, limit in limits.given():
        value = getattr(found, one.name) if one.name in of else 0.0
        if value is None:
            return f"its {one.name} is not known here; leave {one.option} out"
        if value > limit:
            return f"{one.shown(value)} is above {one.option} {one.shown(limit)}"
    return ""


def nearest(limits: Limits, named: Sequence[tuple[str, Facts]]) -> str:
    """The arm that comes nearest to each limit that no arm keeps, in words; empty if each limit is kept by one."""
    said = []
    for one, limit in limits.given():
        known = [(value, name) for name, facts in named if (value := getattr(facts, one.name)) is not None]
        if known and min(known)[0] > limit:
            value, name = min(known)
            said.append(
                f"{one.option} {one.shown(limit)} is met by none; the nearest is {name} with {one.shown(value)}"
            )
    return "; ".join(said)


def _duration(text: str) -> float:
    match = _DURATION.fullmatch(text.strip())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise SpecError(
            f"max latency is {text!r}: it must be a time above 0 with its unit, such as 20ms, 1.5s or 300us"
        )
    return seconds
