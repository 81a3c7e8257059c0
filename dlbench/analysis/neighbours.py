"""Neighbours of an arm in its group: the arms that it took turns with, as one series of their medians by round.

The rounds of a group are sorted once, so that the medians of every arm's neighbours cost as much as the group has
values, and not as much as it has pairs of arms.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from functools import cached_property

from dlbench.analysis.memo import by_run
from dlbench.analysis.rounds import ByRound, by_round, by_round_of, with_a_core
from dlbench.record.schema import Run
from dlbench.spec import Spec
from dlbench.stats.estimates import median


class Group:
    """Runs that took turns."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs, self._of = runs, _LOGARITHMS[by_round_of(runs)]
        self._of_spec: dict[Spec, list[Run]] = {}
        for run in runs:
            self._of_spec.setdefault(run.spec, []).append(run)

    @property
    def has_neighbours(self) -> bool:
        """True if there are several arms."""
        return len(self._runs) > 1

    def beside(self, run: Run) -> tuple[Sequence[float], Sequence[float]]:
        """Logarithms of an arm and of its neighbours, one value for each round that it shares with one of them."""
        if len(self._of_spec) in (1, len(self._runs)):  # no control is left out
            return self._besides[id(run)]
        mine, controls = self._of(run), [self._of(one) for one in self._left_out(run) if one is not run]
        own, theirs = [], []
        for at, value in sorted(mine.items()):
            values, without = self._rounds[at], [value, *(one[at] for one in controls if at in one)]
            if len(values) > len(without):
                own.append(value)
                theirs.append(_median_without(values, without))
        return own, theirs

    @cached_property
    def _besides(self) -> Mapping[int, tuple[list[float], list[float]]]:
        """The same for every arm by identity, where each leaves out itself alone: its place in a round is known."""
        maps = [self._of(run) for run in self._runs]
        found: list[tuple[list[float], list[float]]] = [([], []) for _ in maps]
        for at in sorted(set().union(*maps)):
            entries = sorted([(of[at], number) for number, of in enumerate(maps) if at in of])
            if len(entries) > 1:
                below, above = len(entries) // 2 - 1, (len(entries) - 1) // 2  # places of the middle of the others
                low, lower, high, higher = (entries[at][0] for at in (below, below + 1, above, above + 1))
                for place, (value, number) in enumerate(entries):
                    own, theirs = found[number]
                    own.append(value)
                    theirs.append(((low if place > below else lower) + (high if place > above else higher)) / 2)
        return {id(run): pair for run, pair in zip(self._runs, found, strict=True)}

    def _left_out(self, run: Run) -> Sequence[Run]:
        """The arm itself, and its control if there are other arms."""
        return self._of_spec[run.spec] if len(self._of_spec) > 1 else [run]

    @cached_property
    def _rounds(self) -> Mapping[int, list[float]]:
        """The values of all arms by round, sorted."""
        found: dict[int, list[float]] = {}
        for run in self._runs:
            for at, value in self._of(run).items():
                found.setdefault(at, []).append(value)
        return {at: sorted(values) for at, values in found.items()}


def _about_their_median(by_round: ByRound) -> ByRound:
    """Logarithms by round, about their own median: arms of any speed can then be taken together."""

    @by_run
    def of(run: Run) -> Mapping[int, float]:
        found = {at: math.log(seconds) for at, seconds in by_round(run).items()}
        middle = median(list(found.values())) if found else 0.0
        return {at: value - middle for at, value in found.items()}

    return of


_LOGARITHMS = {of: _about_their_median(of) for of in (by_round, with_a_core)}


def _median_without(values: Sequence[float], left_out: Sequence[float]) -> float:
    """The median of sorted values, of which some are left out."""
    number = len(values) - len(left_out)
    below, above = (number - 1) // 2, number // 2
    if len(left_out) == 1:  # by far the most
        place = bisect_left(values, left_out[0])
        below, above = below + (place <= below), above + (place <= above)
    else:
        places = _places(values, left_out)
        below, above = _place(below, places), _place(above, places)
    return values[above] if number % 2 else (values[below] + values[above]) / 2


def _places(values: Sequence[float], left_out: Sequence[float]) -> list[int]:
    """Places of these among the sorted values, rising; equal values have a place each."""
    places: list[int] = []
    for value in sorted(left_out):
        place = bisect_left(values, value)
        places.append(place if not places or place > places[-1] else places[-1] + 1)
    return places


def _place(rank: int, left_out: Sequence[int]) -> int:
    """The place of the value of this rank among those that are not left out."""
    for place in left_out:
        rank += place <= rank
    return rank
