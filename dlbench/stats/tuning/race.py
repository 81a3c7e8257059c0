"""The race: all arms group by group; an arm that is surely slower than the leader leaves, the rest get more groups."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dlbench.stats.bisection.decisions import Known
from dlbench.stats.tuning.decisions import ALIKE, LOOKS, MOST, TOLERANCE, Contrasts

End = Literal["", "slower", "limit", "failed"]
"""Ways to leave a race; empty for an arm that stayed."""


class Left(NamedTuple):
    """Reason that an arm left."""

    end: End
    reason: str = ""


class Found(NamedTuple):
    """One group of a race: logarithms of seconds for a sample of data by arm, and arms that leave at once."""

    values: Mapping[int, float]
    left: Mapping[int, Left] = {}


class Exhausted(Exception):
    """Nothing further is measured; the reason in a line."""


Measure = Callable[[int, Sequence[int]], Found]
"""Measures a group by its number, from 0; the first arm is in every part of it. Raises Exhausted."""
Admit = Callable[[int], str]
"""Reason that an arm may not win, looked for once it leads; empty if it may."""


class Standing(NamedTuple):
    """An arm at the end: its groups, its ratio of seconds for a sample to the chosen arm, and why it left."""

    arm: int
    groups: int
    ratio: Known | None
    left: Left


class Outcome(NamedTuple):
    """The end of a race.

    `chosen` is None if no arm is left. It is `proven` if it is surely within TOLERANCE of the fastest. `alike` are
    others that are within 1 % of it by their means, or faster. `reason` says why the race was cut short.
    """

    chosen: int | None
    proven: bool
    alike: tuple[int, ...]
    standings: tuple[Standing, ...]
    groups: int
    reason: str = ""


def race(simplicity: Sequence[int], measure: Measure, admit: Admit = lambda _: "") -> Outcome:
    """Race an arm for each entry of `simplicity`, its distance from the defaults; arm 0 is the default.

    If the outcome says proven, it is wrong in at most ALARM of all races.
    """
    state = _Race(list(simplicity), measure, admit)
    try:
        return state.run()
    except Exhausted as error:
        return state.outcome(None, str(error))


@dataclass
class _Race:
    simplicity: list[int]
    measure: Measure
    admit: Admit
    left: dict[int, Left] = field(default_factory=dict)
    admitted: set[int] = field(default_factory=set)
    found: Contrasts = field(init=False)

    def __post_init__(self) -> None:
        self.found = Contrasts(len(self.simplicity))

    def run(self) -> Outcome:
        for number in range(MOST):
            living = self.living()
            hub = self.leader(living)
            if not living or hub is None:
                break
            values, left = self.measure(number, [hub, *(one for one in living if one != hub)])
            self.left |= left
            self.found.groups.append({one: value for one, value in values.items() if one not in left})
            self.left |= {
                one: Left("failed", "it has no steady sample in a group")
                for one in living
                if one not in values and one not in left
            }
            if number + 1 in LOOKS and (chosen := self.look()) is not None:
                return self.outcome(chosen, "")
        return self.outcome(None, "")

    def living(self) -> list[int]:
        """Arms that have not left."""
        return [one for one in range(len(self.simplicity)) if one not in self.left]

    def leader(self, living: Sequence[int]) -> int | None:
        """The fastest arm so far, admitted or not; the default before anything is measured."""
        if not living:
            return None
        return min(living, key=lambda one: self.found.mean(one, living[0]))

    def admissible(self) -> int | None:
        """The fastest arm so far that may win; those that may not leave."""
        while (leader := self.leader(self.living())) is not None:
            if self.may_win(leader):
                return leader
        return None

    def may_win(self, one: int) -> bool:
        """True if it may; else it leaves."""
        if one not in self.admitted:
            if reason := self.admit(one):
                self.left[one] = Left("limit", reason)
                return False
            self.admitted.add(one)
        return True

    def look(self) -> int | None:
        """Let arms leave that are surely slower than the leader; return the arm that ends the race, if one does."""
        leader = self.admissible()
        if leader is None:
            return None
        self.found.learn(leader, self.living())
        for one in self.living():
            if one != leader and self.found.slower(one, leader):
                self.left[one] = Left("slower")
        return next((one for one in self.as_fast(leader) if self.is_proven(one) and self.may_win(one)), None)

    def as_fast(self, leader: int) -> list[int]:
        """The leader and arms like it, the simplest first."""
        alike = [one for one in self.living() if self.found.mean(one, leader) <= ALIKE]
        return sorted(alike, key=lambda one: (self.simplicity[one], self.found.mean(one, leader)))

    def is_proven(self, one: int) -> bool:
        """True if no arm is left that may be faster by more than TOLERANCE."""
        others = (other for other in self.living() if other != one)
        return all(self.found.faster_by(other, one) < math.log1p(TOLERANCE) for other in others)

    def outcome(self, chosen: int | None, reason: str) -> Outcome:
        """The outcome; without a proven arm the leader is chosen if anything was measured."""
        proven = chosen is not None
        if chosen is None and self.found.groups:
            chosen = self.admissible()
        alike = () if chosen is None else tuple(one for one in self.as_fast(chosen) if one != chosen)
        standings = tuple(
            Standing(
                one,
                self.found.count(one),
                None if chosen is None or one == chosen else self.found.known(one, chosen),
                self.left.get(one, Left("")),
            )
            for one in range(len(self.simplicity))
        )
        return Outcome(chosen, proven, alike, standings, len(self.found.groups), reason)
