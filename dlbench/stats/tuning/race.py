"""The race: all arms once, then the fastest; an arm that is surely slower than the leader leaves, the rest get more."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from dlbench.stats.bisection.decisions import Known
from dlbench.stats.tuning.decisions import ALIKE, AT_A_LOOK, FRONT, LOOKS, MOST, Contrasts

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
            if hub is None:
                break
            self.group(number, self.members(number, hub, living))
            if number + 1 in LOOKS and (chosen := self.look()) is not None:
                return self.outcome(chosen, "")
        return self.outcome(None, "")

    def group(self, number: int, members: Sequence[int]) -> None:
        """Measure a group; arms without a figure leave."""
        values, left = self.measure(number, members)
        if number == 0:
            self.found.anchor = next((one for one in members if one in values), members[0])
        self.left |= left
        self.found.groups.append({one: value for one, value in values.items() if one not in left})
        self.left |= {
            one: Left("failed", "it has no steady sample in a group")
            for one in members
            if one not in values and one not in left
        }

    def members(self, number: int, hub: int, living: Sequence[int]) -> list[int]:
        """Arms of a group, the one that its parts share first: all, but before the first look the front."""
        others = [one for one in living if one != hub]
        return [hub, *(self.front(number, hub, others) if 0 < number < LOOKS[0] else others)]

    def front(self, number: int, hub: int, others: Sequence[int]) -> list[int]:
        """The fastest of the first group beside the leader, the anchor among them: the same until the first look."""
        stayed = [one for one in others if one in self.found.groups[-1]]
        if number > 1 and hub in self.found.groups[-1]:
            return stayed
        front = sorted(others, key=self.found.level)[: FRONT - 1]
        if self.found.anchor in others and self.found.anchor not in front:
            front[-1] = self.found.anchor
        return front

    def living(self) -> list[int]:
        """Arms that have not left."""
        return [one for one in range(len(self.simplicity)) if one not in self.left]

    def leader(self, living: Sequence[int]) -> int | None:
        """The fastest arm of the last group, admitted or not; the default before anything is measured."""
        if not living or not self.found.groups:
            return living[0] if living else None
        last = [one for one in living if one in self.found.groups[-1]]
        return min(last or living, key=self.found.level)

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
        """True if the chances of all arms that are left to be faster by more than TOLERANCE add up to little."""
        others = (other for other in self.living() if other != one)
        return math.fsum(self.found.chance_faster(other, one) for other in others) <= AT_A_LOOK

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
