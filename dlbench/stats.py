"""Floats in, estimates and verdicts out.

The unit of replication is the process (or the group of processes in lockstep): every function here takes one number of
each. Samples of one process are not independent, and a test over pooled samples raises false alarms.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import msgspec

CONFIDENCE = 0.95
ALARM = 0.05
"""One-sided error rate at which a difference is called one."""
POWER = 0.80
DELTA = 0.01
"""A change of time by up to this share is not worth a word."""
SAME = 0.03
"""Equivalence margin: `same` says that the ratio is surely within it."""

DRAWS = 10_000
"""Draws behind the smallest change: its power is then known within 0.4 points (one standard error)."""

Verdict = Literal["slower", "faster", "same", "inconclusive", "indicative"]


class Estimate(msgspec.Struct, frozen=True):
    """A value over `n` processes with its 95 % interval.

    `low` and `high` are None where there is no replication: for one process, and for a value pooled over processes.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1


def percentile(values: Sequence[float], rank: float) -> float | None:
    """The percentile by linear interpolation between order statistics (Hyndman and Fan 1996, type 7).

    None unless some value is expected beyond it: above the median it takes 100 / (100 - rank) values, so 20 for p95 and
    100 for p99.
    """
    needed = 1 if rank <= 50 else math.ceil(100 / (100 - rank))
    if len(values) < needed:
        return None
    ordered, position = sorted(values), (len(values) - 1) * rank / 100
    below = ordered[math.floor(position)]
    return below + (ordered[math.ceil(position)] - below) * (position % 1)


def interval(values: Sequence[float], level: float = CONFIDENCE) -> tuple[float, float] | None:
    """The two-sided t interval of the mean (Student 1908); None for fewer than two values.

    Either end of the interval at level 0.90 is a one-sided 95 % bound.
    """
    if len(values) < 2:
        return None
    from scipy import special

    mean, error = statistics.fmean(values), _standard_error(values)
    half = float(special.stdtrit(len(values) - 1, 0.5 + level / 2)) * error
    return mean - half, mean + half


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of logarithms with its t interval, transformed back: the geometric mean over processes.

    Noise of times multiplies rather than adds. Where a value is zero or negative (a difference can be), the mean and
    its interval are taken as they are. Raises ValueError when there is no value.
    """
    if not values:
        raise ValueError("an estimate takes at least one value")
    positive = min(values) > 0
    into, back = (math.log, math.exp) if positive else (float, float)
    return _estimate([into(value) for value in values], back)


def ratio(log_ratios: Sequence[float]) -> Estimate:
    """The ratio of two arms with its 95 % interval, from one log ratio a group. Raises ValueError without any."""
    return _estimate(log_ratios, math.exp)


def p_beyond(log_ratios: Sequence[float], bound: float) -> float:
    """One-sided p value, by t, of a mean that lies no higher than `bound`; 1 for fewer than two groups."""
    if len(log_ratios) < 2:
        return 1.0
    from scipy import special

    distance, error = statistics.fmean(log_ratios) - bound, _standard_error(log_ratios)
    if error == 0.0:
        return 0.0 if distance > 0 else 1.0
    return float(special.stdtr(len(log_ratios) - 1, -distance / error))


def p_differs(log_ratios: Sequence[float], delta: float = DELTA) -> float:
    """The smaller of the one-sided p values of "slower by more than delta" and "faster by more than delta"."""
    bound = math.log1p(delta)
    return min(p_beyond(log_ratios, bound), p_beyond(_negated(log_ratios), bound))


def smallest_change(log_ratios: Sequence[float], delta: float = DELTA) -> float | None:
    """The smallest true slowdown, as a share, that groups spread like these call `slower` with 80 % power.

    Both tests of `verdict` must see it, the rank test too. None for fewer than two groups. A Holm correction over
    several comparisons asks for more.
    """
    if len(log_ratios) < 2:
        return None
    return math.expm1(math.log1p(delta) + _shift_seen(len(log_ratios)) * statistics.stdev(log_ratios))


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def verdict(log_ratios: Sequence[float], adjusted_p: float, delta: float = DELTA) -> tuple[Verdict, str]:
    """What these groups say, and why where that is not plain.

    `adjusted_p` is `p_differs` after `holm` over all comparisons of the report. `slower` and `faster` need the
    one-sided 95 % bound beyond delta, and an exact rank test that agrees; `same` the 90 % interval within 3 % either
    way.
    """
    if len(log_ratios) < 2:
        return "indicative", "one process each: no interval"
    slower = statistics.fmean(log_ratios) > 0
    if adjusted_p <= ALARM:
        if not _ranks_agree(log_ratios if slower else _negated(log_ratios), math.log1p(delta)):
            return "inconclusive", "the t test and the exact rank test disagree"
        return ("slower" if slower else "faster"), ""
    ends = interval(log_ratios, 1 - 2 * ALARM)
    assert ends is not None, "there are two groups or more"
    if -math.log1p(SAME) <= ends[0] and ends[1] <= math.log1p(SAME):
        return "same", ""
    if p_differs(log_ratios, delta) <= ALARM:
        return "inconclusive", "a difference alone, but not among this many comparisons"
    return "inconclusive", ""


def _ranks_agree(log_ratios: Sequence[float], bound: float) -> bool:
    """Whether Wilcoxon's exact signed-rank test (Wilcoxon 1945) also puts them above the bound.

    Fewer than five groups cannot reach 5 % by ranks; of them it is asked that all lie above.
    """
    from scipy import stats

    p_value = float(stats.wilcoxon([value - bound for value in log_ratios], alternative="greater", method="exact")[1])
    return p_value <= max(ALARM, 0.5 ** len(log_ratios))


@cache
def _shift_seen(groups: int) -> float:
    """How many standard deviations beyond the bound `slower` takes to be said with 80 % power.

    The two tests depend on each other, and their joint power has no closed form: it comes from seeded normal draws.
    Shifting a draw until as many Walsh averages are positive as the rank sum must reach is to pass the rank test
    (Tukey 1949).
    """
    import numpy as np
    from scipy import special

    draws = np.random.default_rng(groups).normal(size=(DRAWS, groups))
    t_limit = special.stdtrit(groups - 1, 1 - ALARM)
    by_t = t_limit * draws.std(axis=1, ddof=1) / math.sqrt(groups) - draws.mean(axis=1)
    first, second = np.triu_indices(groups)
    needed = _rank_sum_needed(groups)
    by_ranks = [-np.partition((draw[first] + draw[second]) / 2, -needed)[-needed] for draw in draws]
    return float(np.quantile(np.maximum(by_t, by_ranks), POWER))


def _rank_sum_needed(groups: int) -> int:
    """The smallest sum of positive ranks at which `_ranks_agree` agrees."""
    ways = [1]
    for rank in range(1, groups + 1):
        ways = [one + other for one, other in zip([*ways, *[0] * rank], [*[0] * rank, *ways], strict=True)]
    tails = itertools.accumulate(reversed(ways))
    passing = sum(tail <= max(ALARM, 0.5**groups) * 2.0**groups for tail in tails)
    return len(ways) - passing


def _estimate(values: Sequence[float], back: Callable[[float], float]) -> Estimate:
    if not values:
        raise ValueError("an estimate takes at least one value")
    ends = interval(values)
    low, high = (None, None) if ends is None else (back(ends[0]), back(ends[1]))
    return Estimate(back(statistics.fmean(values)), low, high, len(values))


def _standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / math.sqrt(len(values))


def _negated(values: Sequence[float]) -> list[float]:
    return [-value for value in values]
