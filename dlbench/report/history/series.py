"""Series of a history: one metric of one arm on one machine, with the places at which its level changed."""

from __future__ import annotations

import fnmatch
import itertools
import math
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from dlbench.analysis.metrics import METRICS
from dlbench.analysis.shapes import SHORTEST, change_points
from dlbench.errors import UnknownName
from dlbench.report.history.points import Point
from dlbench.stats.decisions import NEGLIGIBLE_CHANGE

FEWEST = 2 * SHORTEST
"""Sessions before a change can be found: a level on either side."""


class Change(NamedTuple):
    """A new level from the point `at` on: its ratio to the one before, and the code and versions that differ there."""

    at: int
    ratio: float
    differs: tuple[str, ...]


class Series(NamedTuple):
    """Points in the order of time."""

    machine: str
    arm: str
    metric: str
    points: tuple[Point, ...]
    changes: tuple[Change, ...]

    @property
    def unit(self) -> str:
        """Unit of its values."""
        return METRICS[self.metric].unit


class Filter(NamedTuple):
    """Patterns of plugins' names, names of metrics, and a part of the machine's description; empty takes all."""

    plugins: Sequence[str] = ()
    metrics: Sequence[str] = ()
    machine: str = ""

    def check(self) -> None:
        """Raise UnknownName for a metric that does not exist."""
        for metric in self.metrics:
            if metric not in METRICS:
                raise UnknownName("metric", metric, METRICS)

    def takes(self, point: Point) -> bool:
        """True if the point fits all of them."""
        return (
            (not self.plugins or any(fnmatch.fnmatchcase(point.plugin, pattern) for pattern in self.plugins))
            and (not self.metrics or point.metric in self.metrics)
            and self.machine.casefold() in point.machine.casefold()
        )


def series(points: Iterable[Point], wanted: Filter) -> list[Series]:
    """The series of these points, by machine, arm and metric."""
    found: dict[tuple[str, str, str], list[Point]] = {}
    for point in points:
        if point.metric in METRICS and wanted.takes(point):
            found.setdefault((point.machine, point.arm, point.metric), []).append(point)
    order = list(METRICS)
    keys = sorted(found, key=lambda key: (key[0], key[1], order.index(key[2])))
    ordered = {key: tuple(sorted(found[key], key=lambda one: (one.started, one.session))) for key in keys}
    return [Series(*key, of_key, _changes(of_key)) for key, of_key in ordered.items()]


def _changes(points: Sequence[Point]) -> tuple[Change, ...]:
    """Changes of the level by more than is negligible, by PELT over logarithms; values must be above zero."""
    if len(points) < FEWEST or min(point.value for point in points) <= 0:
        return ()
    values = [math.log(point.value) for point in points]
    places = change_points(values)
    ends = [0, *places, len(values)]
    levels = [statistics.median(values[begin:end]) for begin, end in itertools.pairwise(ends)]
    found = [
        Change(at, math.exp(after - before), _differing(points[at - 1], points[at]))
        for at, (before, after) in zip(places, itertools.pairwise(levels), strict=True)
    ]
    return tuple(one for one in found if abs(math.log(one.ratio)) > math.log1p(NEGLIGIBLE_CHANGE))


def _differing(before: Point, after: Point) -> tuple[str, ...]:
    """Code and versions that differ between two sessions: `torch 2.12.0 → 2.13.0`."""
    sides: list[dict[str, Any]] = [msgspec.json.decode(one.code) for one in (before, after)]
    names = sorted({*sides[0], *sides[1]})
    differing = [name for name in names if sides[0].get(name) != sides[1].get(name)]
    return tuple(f"{name} {sides[0].get(name, 'none')} → {sides[1].get(name, 'none')}" for name in differing)
