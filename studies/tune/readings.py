"""Readings of arms that take turns in other parts than in the pool: each its mean and what its process differed by.

In a race, arms that are left share parts of their own with the leader. In the pool an arm shares a part with the
default and others beside it in the grid, so what two arms of different parts differ by holds two processes of the
default, and their race none. So a process's own difference is its residual less that of its part.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence

from studies.tune.collect import Cell, Pool


class Readings:
    """Differences of processes in a pool, and the true levels of its arms: the means over all groups."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        every = range(len(pool.names))
        self.levels = [statistics.fmean(group[one].value for group in pool.groups) for one in every]
        self._shared = [self._of_parts(group) for group in pool.groups]
        parts = zip(pool.groups, self._shared, strict=True)
        self._own = [[self._of_arm(group, shared, one) for one in every] for group, shared in parts]

    def as_measured(self, number: int, arms: Sequence[int]) -> dict[int, float]:
        """A group of the pool, with its own parts."""
        group = self._pool.groups[number]
        return {one: group[one].value - group[arms[0]].value for one in arms}

    def together(self, number: int, arms: Sequence[int], part: int) -> dict[int, float]:
        """Arms in parts of so many, which share the first: in each with another process, as the default had in it."""
        hub, *others = arms
        found, shared = {hub: 0.0}, self._shared[number]
        for place, one in enumerate(others):
            at = place // (part - 1)
            late = self._own[number][hub] if at == 0 else -shared.get(at, 0.0)
            found[one] = self.levels[one] + self._own[number][one] - self.levels[hub] - late
        return found

    def _of_parts(self, group: Sequence[Cell]) -> Mapping[int, float]:
        """The mean residual of the arms of each part: that of its process of the default, the other way round."""
        found: dict[int, list[float]] = defaultdict(list)
        for cell, level in list(zip(group, self.levels, strict=True))[1:]:
            found[cell.part].append(cell.value - level)
        return {part: statistics.fmean(ones) if len(ones) > 1 else 0.0 for part, ones in found.items()}

    def _of_arm(self, group: Sequence[Cell], shared: Mapping[int, float], one: int) -> float:
        """Its residual less that of its part, which holds a share of it: so many times the rest."""
        if one == 0:
            return -shared.get(group[0].part, 0.0)
        part = group[one].part
        others = sum(cell.part == part for cell in group[1:]) - 1
        return (group[one].value - self.levels[one] - shared[part]) * (math.sqrt(1 + 1 / others) if others else 1.0)
