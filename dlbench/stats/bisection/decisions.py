"""Sequential decisions of one search, whose errors together are bounded.

A decision looks at its groups after 6, 10, 15, 20, 30 or 45 of them (`dlbench.stats.interim`). Its share of the error
is spent on these looks in equal parts, so that its intervals are repeated confidence intervals (Jennison and Turnbull
1989): they hold at all looks together, whatever ends the decision. The shares of a search's decisions add up to ALARM
(Bonferroni), so that they hold in all decisions together.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import msgspec

from dlbench.stats.decisions import NEGLIGIBLE_CHANGE, Paired
from dlbench.stats.estimates import exp
from dlbench.stats.interim import INTERIM_GROUPS
from dlbench.stats.power import ALPHA
from dlbench.stats.rounds import Goal

ALARM = 0.01
"""Chance at most that a search names a change where there is none, or another one than there is."""
DELTA = math.log1p(NEGLIGIBLE_CHANGE)
"""Distance, in logarithms, beyond which two levels differ."""
MOST = INTERIM_GROUPS[-1]
"""Groups of a trial at most."""
REST = 1 / 3
"""Share of the whole change that may be left unexplained on a side of a step before it is looked for there."""

Verdict = Literal[
    "differ",
    "same",
    "like old",
    "like new",
    "between",
    "confirmed",
    "not confirmed",
    "undecided",
    "not measured",
]
"""Verdicts on the ends (`differ`, `same`), on a candidate, and on a step that is measured again."""

Groups = Sequence[Mapping[int, float]]
"""The logarithm of the figure of each member, by its place in the range, for each group in lockstep."""


class Interval(NamedTuple):
    """A difference of logarithms with the ends of its repeated confidence interval."""

    mean: float
    low: float
    high: float

    def clear_of(self, bound: float) -> bool:
        """True if it lies beyond the bound on either side of 0 as a whole."""
        return self.low > bound or self.high < -bound

    def within(self, bound: float) -> bool:
        """True if no part of it lies beyond the bound on either side of 0."""
        return -bound < self.low and self.high < bound

    def turned(self, sign: int) -> Interval:
        """The same, or the other way round for -1."""
        return self if sign > 0 else Interval(-self.mean, -self.high, -self.low)


class Known(msgspec.Struct, frozen=True):
    """A ratio with its interval, which holds together with all others of the search, from `groups` groups."""

    ratio: float
    low: float
    high: float
    groups: int


@dataclass(frozen=True)
class Contrasts:
    """Intervals of differences between members of one trial.

    `share` is the error of the trial over all looks. With `all_count` no outermost group is left out, as for figures
    other than times.
    """

    groups: Groups
    share: float
    all_count: bool = False

    def of(self, above: int, below: int, also_below: int | None = None) -> Interval | None:
        """The interval of one member above another, or above the middle of two; None for fewer than two groups."""
        second = below if also_below is None else also_below
        return self._interval([one[above] - (one[below] + one[second]) / 2 for one in self.groups])

    def of_equality(self, above: int, below: int) -> Interval | None:
        """The interval by which two ends are called the same: at 5 % for this decision alone, one side."""
        return self._interval([one[above] - one[below] for one in self.groups], 2 * ALPHA)

    def known(self, above: int, below: int) -> Known | None:
        """The ratio of two members."""
        found = self.of(above, below)
        return None if found is None else Known(exp(found.mean), exp(found.low), exp(found.high), len(self.groups))

    def _interval(self, values: Sequence[float], share: float | None = None) -> Interval | None:
        shift = Paired(values, self.all_count).shift()
        if shift is None:
            return None
        level = 1 - (self.share if share is None else share) / len(INTERIM_GROUPS)
        return Interval(shift.mean, *shift.interval(level))


Rule = Callable[[Contrasts], "Verdict | None"]
"""A verdict on a trial, or None if it takes more groups."""


def share(number: int, places: int) -> float | None:
    """Share of ALARM of decision `number`, from 0, in a range of so many places; None if it is used up.

    Half of it is for one step: the ends, ceil(log2(places - 1)) halvings and the confirmation, in equal parts. The
    other half is for decisions that further steps ask: two for each place.
    """
    planned = 2 + math.ceil(math.log2(max(places - 1, 1)))
    if number >= planned + 2 * places:
        return None
    return ALARM / 2 / (planned if number < planned else 2 * places)


def ends(old: int, new: int) -> Rule:
    """Rule of the ends: they differ by more than 1 %, or are the same within 1 %."""

    def rule(found: Contrasts) -> Verdict | None:
        apart, alike = found.of(new, old), found.of_equality(new, old)
        if apart is not None and apart.clear_of(DELTA):
            return "differ"
        return "same" if alike is not None and alike.within(DELTA) else None

    return rule


def candidate(old: int, place: int, new: int) -> Rule:
    """Rule of a candidate between two ends that differ.

    `between` if it surely differs from both by more than 1 %; else it is like the end that it is surely nearer to.
    """

    def rule(found: Contrasts) -> Verdict | None:
        whole, middle = found.of(new, old), found.of(place, old, new)
        above, below = found.of(place, old), found.of(new, place)
        if whole is None or middle is None or above is None or below is None:
            return None
        sign = 1 if whole.mean > 0 else -1
        if above.turned(sign).low > DELTA and below.turned(sign).low > DELTA:
            return "between"
        middle = middle.turned(sign)
        return "like new" if middle.low > 0 else "like old" if middle.high < 0 else None

    return rule


def confirmation(old: int, before: int, after: int, new: int) -> Rule:
    """Rule of a step: its sides differ, and it is known on either side if a change is left there."""

    def rule(found: Contrasts) -> Verdict | None:
        step, whole = found.of(after, before), found.of(new, old)
        if step is None or whole is None:
            return None
        step = step.turned(1 if whole.mean > 0 else -1)
        if step.low <= 0 and step.high < DELTA:
            return "not confirmed"
        tolerance = max(DELTA, REST * abs(whole.mean))
        sides = [found.of(before, old), found.of(new, after)]
        known = all(side is not None and (side.clear_of(DELTA) or side.within(tolerance)) for side in sides)
        settled = known or len(found.groups) >= MOST
        return "confirmed" if settled and step.low > 0 else None

    return rule


def goals(whole: float, share: float) -> Mapping[str, Goal]:
    """Goals of the trials that have one, by kind: the half-width that decides, the distance of the ends being known.

    A candidate is compared with the middle of both ends, and both sides of a step with what may be left there.
    """
    error = share / len(INTERIM_GROUPS)
    return {
        "candidate": Goal(abs(whole) / 2, error, 3 / 4),
        "confirmation": Goal(max(DELTA, REST * abs(whole)), error),
    }
