"""Sequential decisions of a race, whose errors together are bounded.

Arms are compared with the leader in the groups that both were in: a race by blocks (Moore and Lee 1994, Efficient
algorithms for minimizing cross validation error). An arm leaves once it is surely slower: successive elimination
(Even-Dar, Mannor and Mansour 2006, Journal of Machine Learning Research 7). The fastest arm can only be lost in a
comparison that it is one side of, so that each decision has its half of the error over the number of other arms and of
looks (Bonferroni).

The other half is for the end. A race ends once the chances of all rivals to be faster than the chosen arm by more than
TOLERANCE add up to the error of a look at most: Bonferroni's bound of the probability of good selection as a stopping
rule (Branke, Chick and Schmidt 2007, Selecting a selection procedure, Management Science 53(12)). A rival counts by
what it may still be, so many that are far behind cost nothing, and many that are near cost as much as they should.
These are posterior chances. That the choice is wrong no more often than stated is drawn in
`tests/stats/tuning/test_race.py`, where all rivals are just beyond the tolerance.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from dlbench.stats.bisection.decisions import Interval, Known
from dlbench.stats.decisions import NEGLIGIBLE_CHANGE, Paired
from dlbench.stats.estimates import Shift, VarianceComponent, exp, one_sample
from dlbench.stats.interim import INTERIM_GROUPS
from dlbench.stats.power import ALPHA
from dlbench.stats.tuning.moderated import Prior, prior

ALARM = 0.05
"""Chance at most that a race ends with an arm that is not within TOLERANCE of the fastest, and says that it is."""
TOLERANCE = 0.02
"""Share by which the chosen arm may be slower than the fastest."""
LOOKS = (3, 4, 6, 8, 11, 15)
"""Groups after which arms may leave; after the last the race ends."""
MOST = LOOKS[-1]
AT_A_LOOK = ALARM / 2 / len(LOOKS)
"""The error of all arms that leave at a look, and that of the end of a race there."""
FRONT = 8
"""Arms of the groups between that of all and the first look: the fastest so far, which tell how arms spread."""
ONE_READING = math.log1p(0.2)
"""Distance from the leader up to which an arm stays with one reading: one process in 75 differs by a tenth or more."""
LOOKS_AGAIN = (3, *INTERIM_GROUPS)
"""Groups after which a winner that is measured again may be called; a large difference takes three."""
ALIKE = math.log1p(NEGLIGIBLE_CHANGE)
"""Distance from the leader, in logarithms, up to which an arm is taken for as fast."""

SHARED = 10.0
"""Degrees of freedom at most that the spreads of all arms are worth.

They are spreads of differences to one leader, and so share its noise, and that of the arm that a part has in common. As
independent ones they would be worth a hundred times as much, and in races of equal arms these would leave at more
than twice the rate that is allowed (drawn in `tests/stats/tuning/test_race.py`).
"""

Groups = Sequence[Mapping[int, float]]
"""For each group the logarithm of each arm's seconds for a sample of data; only differences within a group count."""


@dataclass
class Contrasts:
    """Comparisons of a race of so many arms; spreads of arms that left still tell how arms spread.

    The anchor is the arm that the parts of the first group share, and it is one of the front.
    """

    arms: int
    anchor: int = 0
    groups: list[Mapping[int, float]] = field(default_factory=list)
    spreads: dict[int, VarianceComponent] = field(default_factory=dict)
    prior: Prior = field(default_factory=Prior)

    @property
    def share(self) -> float:
        """The error of one decision at one look."""
        return AT_A_LOOK / max(self.arms - 1, 1)

    @property
    def share_of_one(self) -> float:
        """The error of a decision by one reading, at the first look: the arm may meet any of the front as its leader.

        The front is that of the first group, whichever it is, and stays; later readings only say which of it leads.
        """
        return AT_A_LOOK / FRONT

    def learn(self, leader: int, living: Sequence[int]) -> None:
        """Estimate the distribution of spreads again, from the differences of these arms to the leader."""
        for one in living:
            shift = None if one == leader else one_sample(self._differences(one, leader))
            if shift is not None:
                known = shift.degrees_of_freedom
                self.spreads[one] = VarianceComponent(shift.error**2 * (known + 1), known)
        found = prior(list(self.spreads.values()))
        self.prior = found._replace(degrees_of_freedom=min(found.degrees_of_freedom, SHARED))

    def mean(self, one: int, other: int) -> float:
        """The mean of their differences; 0 if they share no group."""
        found = self._differences(one, other)
        return math.fsum(found) / len(found) if found else 0.0

    def level(self, one: int) -> float:
        """The mean of an arm, with each group taken relative to the arms that were in all groups; infinite for none."""
        last = self.groups[-1] if self.groups else {}
        always = [other for other in last if all(other in group for group in self.groups)]
        found = [
            group[one] - math.fsum(group[other] for other in always) / max(len(always), 1)
            for group in self.groups
            if one in group
        ]
        return math.fsum(found) / len(found) if found else math.inf

    def slower(self, one: int, other: int) -> bool:
        """True if the first is surely slower than the second."""
        shift, readings = self._shift(one, other), len(self._differences(one, other))
        if shift is None or (readings == 1 and shift.mean <= ONE_READING):
            return False
        return shift.interval(1 - 2 * (self.share if readings > 1 else self.share_of_one))[0] > 0

    def chance_faster(self, one: int, other: int) -> float:
        """The chance that the first is faster than the second by more than TOLERANCE; 1 if nothing is known."""
        shift = self._shift(one, other)
        return 1.0 if shift is None else shift.p_beyond(-math.log1p(TOLERANCE))

    def known(self, one: int, other: int) -> Known | None:
        """The ratio of their seconds for a sample, with an interval that holds together with all others."""
        shift = self._shift(one, other)
        if shift is None:
            return None
        low, high = shift.interval(1 - 2 * self.share)
        return Known(exp(shift.mean), exp(low), exp(high), len(self._differences(one, other)))

    def count(self, one: int) -> int:
        """Groups that the arm was measured in."""
        return sum(one in group for group in self.groups)

    def _shift(self, one: int, other: int) -> Shift | None:
        found = self._differences(one, other)
        return self._of_one_reading(one, other) if len(found) == 1 else self.prior.moderated(found)

    def _of_one_reading(self, one: int, other: int) -> Shift | None:
        """A difference to an arm of the front, by the mean variance of the differences whose spread is known.

        The front was chosen by the first group, in which its arms are therefore faster than they are. So the other is
        taken from the later groups, and both relative to the anchor.
        """
        freedom = math.fsum(spread.degrees_of_freedom for spread in self.spreads.values())
        later = [group[other] - group[self.anchor] for group in self.groups[1:] if {other, self.anchor} <= group.keys()]
        if not freedom or not later or self.anchor not in self.groups[0]:
            return None
        squares = math.fsum(spread.variance * spread.degrees_of_freedom for spread in self.spreads.values())
        mean = self.groups[0][one] - self.groups[0][self.anchor] - math.fsum(later) / len(later)
        return Shift(mean, math.sqrt(squares / freedom * (1 + 1 / len(later))), min(freedom, SHARED))

    def _differences(self, one: int, other: int) -> list[float]:
        return [group[one] - group[other] for group in self.groups if one in group and other in group]


Confirmed = Literal["faster", "not faster", "undecided"]


def interval(groups: Groups, winner: int, default: int) -> Interval | None:
    """The difference of the winner to the default, whose interval holds at all looks together."""
    shift = Paired([one[winner] - one[default] for one in groups]).shift()
    if shift is None:
        return None
    return Interval(shift.mean, *shift.interval(1 - 2 * ALPHA / len(LOOKS_AGAIN)))


def confirmed(groups: Groups, winner: int, default: int) -> Confirmed | None:
    """The verdict on a winner that is measured again; None if it takes another look.

    It is `faster` by more than 1 %, or `not faster` if it is not by more than 1 %. At the last look, and for a budget
    that is used, the answer is `faster` if no part of the interval says otherwise.
    """
    found = interval(groups, winner, default) if len(groups) >= LOOKS_AGAIN[0] else None
    if found is not None and found.high < -ALIKE:
        return "faster"
    if found is not None and found.low > -ALIKE:
        return "not faster"
    if len(groups) < LOOKS_AGAIN[-1]:
        return None
    return "faster" if found is not None and found.high < 0 else "not faster"


def ratio(groups: Groups, winner: int, default: int) -> Known | None:
    """Speed of the winner over that of the default, more is faster, with its interval."""
    found = interval(groups, default, winner)
    return None if found is None else Known(exp(found.mean), exp(found.low), exp(found.high), len(groups))
