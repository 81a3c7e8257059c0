"""Rounds of a group, for the trials that follow one whose noise is known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

LEAST, MOST = 20, 80
"""Rounds of a group: as many as judging steadiness takes, and as many as a group may wait for."""
BETWEEN, CHANCE = 0.005, 0.5
"""Least spread of ratios between groups, of the logarithm: that of quiet machines (`reports/decision-quality`). And the
share of their variance that may be chance, where a few groups show it: too many rounds cost less than too few."""
ROBUST, OF_MEDIAN = 1.4826, math.pi / 2
"""Standard deviation of normal numbers over their median absolute deviation, and variance of a median over that of a
mean."""


def worth(groups: Sequence[Sequence[float]], overhead: float) -> int:
    """Rounds by which the ratio of two members is known best for its time; `groups` have the log ratio of each round.

    A group takes the time of `overhead` rounds beside its own. Its variance is that between groups, and that of rounds
    over their number; the number is the optimum of two-stage samples (Cochran 1977). It depends on spreads alone, and
    so favours no verdict.
    """
    whole = [one for one in groups if len(one) > 1]
    if len(whole) < 2 or overhead <= 0:
        return LEAST
    within = statistics.fmean(OF_MEDIAN * _spread(one) ** 2 for one in whole)
    shared = within / statistics.fmean(map(len, whole))
    between = max(CHANCE * _spread([statistics.median(one) for one in whole]) ** 2 - shared, BETWEEN**2)
    return min(max(LEAST, round(math.sqrt(overhead * within / between))), MOST)


def _spread(values: Sequence[float]) -> float:
    middle = statistics.median(values)
    return ROBUST * statistics.median(abs(value - middle) for value in values)
