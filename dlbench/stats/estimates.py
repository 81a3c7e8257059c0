"""Floats in, estimates with intervals and p values out: of a mean, of a ratio.

The unit of replication is the process (or the group of processes in lockstep): every function here takes one number of
each. Samples of one process are not independent, and a test over pooled samples raises false alarms.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

CONFIDENCE = 0.95
NORMAL = statistics.NormalDist().inv_cdf(0.5 + CONFIDENCE / 2)
"""The quantile of the normal distribution to which a two-sided interval reaches."""
LARGEST_EXPONENT = math.log(sys.float_info.max)
LARGEST = 1e100
"""Values above it, and values that are not finite, give a mean and no interval: squares leave the range of floats."""


class Estimate(msgspec.Struct, frozen=True, gc=False):
    """A value over `n` processes with its 95 % interval.

    `low` and `high` are None if there is no replication: for one process, and for a value pooled over processes.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 1


class Shift(NamedTuple):
    """A difference whose estimate is distributed as Student's t: its mean, standard error, degrees of freedom."""

    mean: float
    error: float
    degrees_of_freedom: float

    def interval(self, level: float = CONFIDENCE) -> tuple[float, float]:
        """The two-sided t interval; either end of that at level 0.90 is a one-sided 95 % bound."""
        half = _student(self.degrees_of_freedom, 0.5 + level / 2) * self.error
        return self.mean - half, self.mean + half

    def p_beyond(self, bound: float) -> float:
        """One-sided p value of a true difference that lies no higher than `bound`."""
        from scipy import special

        if self.error == 0.0:
            return 0.0 if self.mean > bound else 1.0
        return float(special.stdtr(self.degrees_of_freedom, (bound - self.mean) / self.error))

    def reversed(self) -> Shift:
        """The same, the other way round."""
        return Shift(-self.mean, self.error, self.degrees_of_freedom)

    def to_ratio(self, n: int) -> Estimate:
        """The ratio that this difference of logarithms is, with its interval."""
        low, high = self.interval()
        return Estimate(exp(self.mean), exp(low), exp(high), n)


@lru_cache(1024)
def _student(degrees_of_freedom: float, share: float) -> float:
    """The quantile of Student's t."""
    from scipy import special

    return float(special.stdtrit(degrees_of_freedom, share))


def exp(value: float) -> float:
    """The ratio that a difference of logarithms is; infinite beyond the range of floats."""
    return math.exp(value) if value < LARGEST_EXPONENT else math.inf


def expm1(value: float) -> float:
    """The same less one, exactly near zero: a share."""
    return math.expm1(value) if value < LARGEST_EXPONENT else math.inf


class VarianceComponent(NamedTuple):
    """One independent part of the variance of an estimate, and the degrees of freedom with which it is known."""

    variance: float
    degrees_of_freedom: float


def one_sample(values: Sequence[float], cut: int = 0) -> Shift | None:
    """The mean of these values, by t (Student 1908); None for fewer than two.

    `cut` of them are left out at either end (Tukey and McLaughlin 1963). The error is then Yuen's (1974): the spread of
    the values over the number that stays, with each omitted value replaced by the outermost that stays.
    """
    n = len(values)
    if n < 2:
        return None
    if not cut:
        mean = statistics.fmean(values)
        return Shift(mean, _spread(values, mean) / math.sqrt(n), n - 1)
    kept = sorted(values)[cut : n - cut]
    drawn_in = [*[kept[0]] * cut, *kept, *[kept[-1]] * cut]
    error = _spread(drawn_in, statistics.fmean(drawn_in)) * math.sqrt((n - 1) / (len(kept) * (len(kept) - 1)))
    return Shift(statistics.fmean(kept), error, len(kept) - 1)


def _spread(values: Sequence[float], mean: float) -> float:
    """The standard deviation of a sample about its mean: exact to the last digits, and 0 for equal values."""
    if values[0] == values[-1] and len(set(values)) == 1:
        return 0.0
    return math.sqrt(math.fsum([(value - mean) ** 2 for value in values]) / (len(values) - 1))


def trim_count(n: int) -> int:
    """Number of groups, of n, that a ratio of step times leaves out at either end: one in fifteen.

    One process in 75 of a product on two threads differs from its group by more than a tenth for as long as it lives
    (`reports/decision-quality`): with it in the mean, 20 groups know a ratio no better than 10 do. To leave out one in
    ten costs the looks of `--adaptive` half a point of coverage.
    """
    return n // 15


def two_samples(
    before: Sequence[float], after: Sequence[float], between: VarianceComponent | None = None
) -> Shift | None:
    """The difference of two means with unequal variances (Welch 1947); None if a side has fewer than two values.

    `between` is a further part of the variance of their difference that neither side shows, such as the variance
    between sessions.
    """
    if len(before) < 2 or len(after) < 2:
        return None
    parts = [VarianceComponent(statistics.variance(side) / len(side), len(side) - 1) for side in (before, after)]
    parts += [] if between is None else [between]
    error = math.sqrt(sum(part.variance for part in parts))
    return Shift(statistics.fmean(after) - statistics.fmean(before), error, satterthwaite(parts))


def over_machines(values: Mapping[str, Sequence[float]]) -> Shift | None:
    """The mean of values that were measured on several machines, with the machine as a level of its own.

    Its variance has two parts: the spread of the machines' own means, and the spread within machines. The first holds a
    share of the second, which is not taken off: with few machines the rest would often be zero, and two that happen to
    agree would pass for all of their kind. Coverage of 95 % intervals is in `tests/stats/test_machines.py`. None for
    fewer than two values.
    """
    total = sum(map(len, values.values()))
    if len(values) < 2:
        return one_sample([one for of_machine in values.values() for one in of_machine])
    means = [statistics.fmean(of_machine) for of_machine in values.values()]
    share = math.fsum((len(of_machine) / total) ** 2 for of_machine in values.values())
    parts = [VarianceComponent(statistics.variance(means) * share, len(means) - 1)]
    if freedom := total - len(values):
        within = math.fsum(
            (one - mean) ** 2 for of_machine, mean in zip(values.values(), means, strict=True) for one in of_machine
        )
        parts += [VarianceComponent(within / freedom / total, freedom)]
    mean = statistics.fmean([one for of_machine in values.values() for one in of_machine])
    return Shift(mean, math.sqrt(math.fsum(part.variance for part in parts)), satterthwaite(parts))


def satterthwaite(parts: Sequence[VarianceComponent]) -> float:
    """Degrees of freedom of a sum of independent variances (Satterthwaite 1946)."""
    weights = sum(part.variance**2 / part.degrees_of_freedom for part in parts)
    freedom = sum(part.degrees_of_freedom for part in parts)
    return sum(part.variance for part in parts) ** 2 / weights if weights else float(freedom)


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


def median(values: Sequence[float]) -> float:
    """The same as `statistics.median`, several times faster for a few values. Raises IndexError without any."""
    ordered, middle = sorted(values), len(values) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def theil_sen(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The slope of Theil and Sen, and the lower end of its 95 % interval (Sen 1968, section 4).

    `x` rises. Ties of `y` narrow the interval (Kendall 1975, section 4.9); `scipy.stats.theilslopes` gives the same,
    and takes a second to import.
    """
    import numpy as np

    first, second = np.triu_indices(len(x), 1)
    at, value = np.asarray(x, float), np.asarray(y, float)
    slopes = np.sort((value[second] - value[first]) / (at[second] - at[first]))
    n, ties = len(x), [number for number in Counter(y).values() if number > 1]
    variance = (n * (n - 1) * (2 * n + 5) - sum(k * (k - 1) * (2 * k + 5) for k in ties)) / 18
    low = max(round((len(slopes) - NORMAL * math.sqrt(variance)) / 2) - 1, 0)
    return float(np.median(slopes)), float(slopes[low])


def estimate(values: Sequence[float]) -> Estimate:
    """The mean of logarithms with its t interval, transformed back: the geometric mean over processes.

    Noise of times multiplies rather than adds. If a value is zero or negative (a difference can be), the arithmetic
    mean and its interval are used. Raises ValueError when there is no value.
    """
    if not values:
        raise ValueError("an estimate takes at least one value")
    if not all(abs(value) <= LARGEST for value in values):
        return Estimate(sum(value / len(values) for value in values), n=len(values))
    positive = min(values) > 0
    into, back = (math.log, exp) if positive else (float, float)
    return _estimate([into(value) for value in values], back)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda place: p_values[place])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def _estimate(values: Sequence[float], back: Callable[[float], float]) -> Estimate:
    shift = one_sample(values)
    if shift is None:
        return Estimate(back(statistics.fmean(values)), n=1)
    low, high = shift.interval()
    return Estimate(back(shift.mean), back(low), back(high), len(values))
