"""Group-sequential stopping: at fixed interim analyses, by interval width alone, never by significance.

To stop because something became significant raises false alarms with every look (Armitage, McPherson and Rowe 1969).
The spread of normal numbers is independent of their mean, so that stopping by it favours no verdict; it favours
sessions whose spread came out small, which costs the interval a little (Anscombe 1953): 95 % intervals cover 92 % and
more in `tests/stats/test_interim.py`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from dlbench.stats.decisions import Paired
from dlbench.stats.estimates import expm1

INTERIM_GROUPS = (6, 10, 15, 20, 30, 45)
"""Groups after which a session may stop; after the last it does."""
HALF_WIDTH = 0.0125
"""Half-width of a ratio's 95 % interval at which it is known well enough: a slowdown of 3 % is then called one in nine
sessions of ten or more. Its logarithm lies 1.96 % beyond the negligible 1 %, which is 3.1 standard
errors of such an interval; the bound of the t test takes 1.7 of them, and 90 % power another 1.3."""


def half_width(found: Paired) -> float:
    """Half the width of a ratio's 95 % interval, as a share of it; infinite for fewer than two groups."""
    shift = found.shift()
    return math.inf if shift is None else expm1(shift.interval()[1] - shift.mean)


def are_enough(groups: int, pairs: Sequence[Paired]) -> bool:
    """True if `groups` is an interim analysis and the ratio of every pair is known well enough."""
    return groups in INTERIM_GROUPS and all(half_width(found) <= HALF_WIDTH for found in pairs)
