"""Power: the difference that both tests of a verdict detect with 80 % power, and the limits of their rank tests.

The t test and the rank test depend on each other, and their joint power has no closed form: it comes from seeded normal
draws. A draw is shifted until both tests pass; at the 80 % quantile of those shifts, 80 % of all draws pass.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING

from dlbench.stats.estimates import VarianceComponent, satterthwaite

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ALPHA, SAME_ALPHA = 0.05, 0.01
"""One-sided error rates: of calling a difference one, and of calling one of 3 % `same`."""
POWER = 0.80
DRAWS = 10_000
"""Draws behind the smallest change: its power is then known within 0.4 points (one standard error)."""
MOST_GROUPS = 10_000
"""Number of groups beyond any session's."""


@cache
def paired_detectable_errors(groups: int, cut: int = 0) -> float:
    """Standard errors beyond the bound that `slower` takes for this many log ratios, `cut` left out a side.

    To pass the signed-rank test is to have as many positive Walsh averages as its rank sum must reach (Tukey 1949).
    """
    import numpy as np
    from scipy import special

    draws = np.random.default_rng(groups).normal(size=(DRAWS, groups))
    means, errors, freedom = trimmed(draws, cut)
    by_t = float(special.stdtrit(freedom, 1 - ALPHA)) * errors - means
    first, second = np.triu_indices(groups)
    averages = ((rows[:, first] + rows[:, second]) / 2 for rows in _chunks(draws, len(first)))
    return _seen(by_t, averages, rank_sum_needed(groups)) / float(np.sqrt(np.mean(errors**2)))


def trimmed(draws: NDArray[np.float64], cut: int) -> tuple[NDArray[np.float64], NDArray[np.float64], int]:
    """`stats.one_sample` of every row at once: means, errors, and their degrees of freedom."""
    import numpy as np

    groups = draws.shape[1]
    kept = np.sort(draws, axis=1)[:, cut : groups - cut]
    drawn_in = np.clip(draws, kept[:, :1], kept[:, -1:]).std(axis=1, ddof=1)
    freedom = kept.shape[1] - 1
    return kept.mean(axis=1), drawn_in * math.sqrt((groups - 1) / (kept.shape[1] * freedom)), freedom


def groups_needed(spread: float, known_from: int, distance: float) -> int | None:
    """Number of groups that decide every ratio in 80 % of sessions; None beyond MOST_GROUPS.

    They do where what `slower` takes beyond its limit, and what `same` takes below its own, are no more together than
    the distance of both limits.

    `spread` is the standard deviation of log ratios, estimated from `known_from` of them: its upper 80 % limit counts
    (chi-square), because groups that come may spread as much.
    """
    from scipy import special

    upper = spread * math.sqrt((known_from - 1) / float(special.chdtri(known_from - 1, POWER)))
    # The bounds fall with the number, so bisection finds the smallest that passes.
    low, high = 2, MOST_GROUPS
    while low < high:
        middle = (low + high) // 2
        taken = sum(float(special.stdtrit(middle - 1, 1 - alpha)) for alpha in (ALPHA, SAME_ALPHA))
        passes = taken * upper / math.sqrt(middle) <= distance
        low, high = (low, middle) if passes else (middle + 1, high)
    return low if low < MOST_GROUPS else None


@cache
def unpaired_detectable_shift(
    before: tuple[int, float], after: tuple[int, float], between: VarianceComponent | None
) -> float:
    """Distance beyond the bound that `slower` takes between two sessions, each `(processes, standard deviation)`."""
    import numpy as np
    from scipy import special

    random = np.random.default_rng(before[0])
    sides = [random.normal(0.0, spread, size=(DRAWS, n)) for n, spread in (before, after)]
    if between is not None:
        sides[1] += random.normal(0.0, math.sqrt(between.variance), size=(DRAWS, 1))
    extra = 0.0 if between is None else between.variance
    error = np.sqrt(sum(side.var(axis=1, ddof=1) / side.shape[1] for side in sides) + extra)
    parts = [VarianceComponent(spread**2 / n, n - 1) for n, spread in (before, after)]
    freedom = satterthwaite([*parts, *([] if between is None else [between])])
    by_t = float(special.stdtrit(freedom, 1 - ALPHA)) * error - (sides[1].mean(axis=1) - sides[0].mean(axis=1))
    pairs = before[0] * after[0]
    both = zip(*(_chunks(side, pairs) for side in sides), strict=True)
    differences = ((ours[:, :, None] - theirs[:, None, :]).reshape(-1, pairs) for theirs, ours in both)
    return _seen(by_t, differences, pairs_needed(before[0], after[0]))


def _seen(by_t: NDArray[np.float64], ranked: Iterable[NDArray[np.float64]], needed: int) -> float:
    """The shift that POWER of the draws need: enough for t, and for the number of positive ranked values."""
    import numpy as np

    by_ranks = np.concatenate([-np.partition(rows, -needed, axis=1)[:, -needed] for rows in ranked])
    return float(np.quantile(np.maximum(by_t, by_ranks), POWER))


def _chunks(draws: NDArray[np.float64], width: int) -> list[NDArray[np.float64]]:
    """Draws in parts of at most two million values."""
    import numpy as np

    return np.array_split(draws, 1 + len(draws) * width // 2_000_000)


@cache
def rank_sum_needed(groups: int) -> int:
    """The smallest sum of positive ranks at which the signed-rank test agrees: each rank is in the sum or is not."""
    ways = [1]
    for rank in range(1, groups + 1):
        ways = [one + other for one, other in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
    return _least_passing(ways)


@cache
def pairs_needed(before: int, after: int) -> int:
    """The smallest number of pairs with the candidate above at which the rank-sum test agrees.

    Counted by the recursion of Mann and Whitney (1947): the largest of all values is the candidate's or it is not.
    """
    ways: dict[tuple[int, int], list[int]] = {}
    for m, n in itertools.product(range(before + 1), range(after + 1)):
        if m and n:
            theirs, ours = ways[m - 1, n], [*[0] * m, *ways[m, n - 1]]
            ways[m, n] = [sum(pair) for pair in itertools.zip_longest(theirs, ours, fillvalue=0)]
        else:
            ways[m, n] = [1]
    return _least_passing(ways[before, after])


def _least_passing(ways: Sequence[int]) -> int:
    """The smallest value of a statistic at which its upper tail is no more than the level; `ways` counts each value."""
    total = sum(ways)
    passing = sum(tail <= _reachable(total) * total for tail in itertools.accumulate(reversed(ways)))
    return len(ways) - passing


def _reachable(arrangements: float) -> float:
    """The level of a rank test with this many equally likely arrangements: 5 %, or the least that it can reach."""
    return max(ALPHA, 1.0 / arrangements)
