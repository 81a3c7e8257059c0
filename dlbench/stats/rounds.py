"""Rounds of a group, for the groups that follow those whose noise is known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from dlbench.stats.interim import HALF_WIDTH, INTERIM_GROUPS

LEAST, MOST = 20, 200
"""Rounds of a group, at least and at most. Judging steadiness takes the least."""
BETWEEN, CHANCE = 0.005, 0.5
"""Least spread of ratios between groups, of the logarithm: that of quiet machines (`reports/decision-quality`). And the
share of their variance that may be chance, where a few groups show it: too many rounds cost less than too few."""
ROBUST, OF_MEDIAN = 1.4826, math.pi / 2
"""Standard deviation of normal numbers over their median absolute deviation, and variance of a median over that of a
mean."""

MARGIN = 1.0
"""Standard errors by which the mean that decides may lie off the true one."""

Groups = Sequence[Sequence[float]]
"""The log ratio of each round, group by group."""


class Goal(NamedTuple):
    """A decision that a trial is to reach: a half-width, in logarithms, and the error of its interval at one look.

    `share` is the variance of the difference that decides, over that of two members' ratio.
    """

    half_width: float
    error: float
    share: float = 1.0


class Noise(NamedTuple):
    """Variances of a group's log ratio: within a group, of a median as if it had one round, and between groups."""

    within: float
    between: float

    def best(self, overhead: float) -> float:
        """Rounds by which a ratio is known best for its time, if a group takes the time of `overhead` more.

        It is the optimum of two-stage samples (Cochran 1977).
        """
        return math.sqrt(overhead * self.within / self.between)

    def needed(self, groups: int) -> float:
        """Rounds with which so many groups know their ratio to ±HALF_WIDTH; infinite if they cannot."""
        from scipy import special

        error = math.log1p(HALF_WIDTH) / float(special.stdtrit(groups - 1, 0.975))
        left = groups * error**2 - self.between
        return self.within / left if left > 0 else math.inf

    def until(self, goal: Goal, number: int, overhead: float) -> float:
        """Time until the look that reaches a goal with groups of this number of rounds; infinite if none does."""
        from scipy import special

        spread = math.sqrt(goal.share * (self.between + self.within / number))
        for look in INTERIM_GROUPS:
            errors = float(special.stdtrit(look - 1, 1 - goal.error / 2)) + MARGIN
            if errors * spread <= goal.half_width * math.sqrt(look):
                return look * (overhead + number)
        return math.inf


def noise(groups: Groups) -> Noise | None:
    """Of groups of two rounds and more; None if there are none. A single one shows no spread between them."""
    whole = [one for one in groups if len(one) > 1]
    if not whole:
        return None
    within = statistics.fmean(OF_MEDIAN * _spread(one) ** 2 for one in whole)
    shared = within / statistics.fmean(map(len, whole))
    between = max(CHANCE * _spread([statistics.median(one) for one in whole]) ** 2 - shared, BETWEEN**2)
    return Noise(within, between)


def worth(groups: Groups, overhead: float) -> int:
    """Rounds by which the ratio of two members is known best for its time; `overhead` is that of a group, in rounds.

    The number depends on spreads alone, and so favours no verdict.
    """
    found = noise(groups)
    return LEAST if found is None or overhead <= 0 else min(max(LEAST, round(found.best(overhead))), MOST)


def soonest(groups: Groups, overhead: float, goal: Goal) -> int:
    """Rounds with which a trial reaches its goal soonest; those that are worth their time where none can.

    A few groups take intervals that are much wider than those of twice as many, so that more groups often decide sooner
    than longer ones. The number depends on trials before this one, and so favours no verdict of it.
    """
    found = noise(groups)
    if found is None or overhead <= 0:
        return LEAST
    times = {number: found.until(goal, number, overhead) for number in range(LEAST, MOST + 1)}
    best = min(times, key=times.__getitem__)
    return best if times[best] < math.inf else worth(groups, overhead)


def due(groups: Groups, overhead: float, analysed: int, least: int) -> int:
    """The same where groups are analysed at this number: no more than make the ratio known well enough there."""
    found = noise(groups)
    if found is None or overhead <= 0:
        return least
    return max(least, math.ceil(min(found.best(overhead), found.needed(analysed), MOST)))


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return ROBUST * statistics.median(abs(value - middle) for value in values)
