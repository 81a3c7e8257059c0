"""Moderated variances: with two or three groups, a variance is known from all arms together better than from one.

Smyth (2004), Linear models and empirical Bayes methods for assessing differential expression in microarray experiments,
Statistical Applications in Genetics and Molecular Biology 3(1), sections 3 and 6.2: true variances are drawn from a
scaled inverse chi-square distribution, whose two parameters follow from the mean and the variance of the logarithms of
the sample variances. The more the arms differ in their spread, the less one of them borrows from the others.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from dlbench.stats.estimates import Shift, VarianceComponent, one_sample

LEAST_ARMS = 5
"""Variances from which the distribution of all is estimated at all."""
LEAST_VARIANCE = 1e-12
"""A variance that counts as none: its logarithm must exist."""
MOST_FREEDOM = 1000.0
"""Degrees of freedom of arms that do not differ in their spread: they may not be infinite."""


class Prior(NamedTuple):
    """The variance that an arm has by the others alone, worth so many degrees of freedom; 0 of them is no knowledge."""

    variance: float = 0.0
    degrees_of_freedom: float = 0.0

    def moderated(self, values: Sequence[float]) -> Shift | None:
        """The mean of these values with its moderated error; None for fewer than two."""
        own = one_sample(values)
        if own is None:
            return None
        n, freedom = len(values), self.degrees_of_freedom + own.degrees_of_freedom
        pooled = self.degrees_of_freedom * self.variance + own.degrees_of_freedom * own.error**2 * n
        return Shift(own.mean, math.sqrt(pooled / freedom / n), freedom)


def prior(found: Sequence[VarianceComponent]) -> Prior:
    """The distribution of these variances; no knowledge for fewer than five."""
    if len(found) < LEAST_ARMS:
        return Prior()
    from scipy import special

    halves = [one.degrees_of_freedom / 2 for one in found]
    logs = [
        math.log(max(one.variance, LEAST_VARIANCE)) - float(special.digamma(half)) + math.log(half)
        for one, half in zip(found, halves, strict=True)
    ]
    by_chance = statistics.fmean(float(special.polygamma(1, half)) for half in halves)
    excess = statistics.variance(logs) - by_chance
    freedom = min(2 * inverse_trigamma(excess), MOST_FREEDOM) if excess > 0 else MOST_FREEDOM
    mean = statistics.fmean(logs) + float(special.digamma(freedom / 2)) - math.log(freedom / 2)
    return Prior(math.exp(mean), freedom)


def inverse_trigamma(value: float) -> float:
    """The argument at which the trigamma function has this value above 0, by Newton's method (Smyth 2004, appendix)."""
    from scipy import special

    if value > 1e7:
        return 1 / math.sqrt(value)
    if value < 1e-6:
        return 1 / value
    at = 0.5 + 1 / value
    for _ in range(50):
        trigamma = float(special.polygamma(1, at))
        step = trigamma * (1 - trigamma / value) / float(special.polygamma(2, at))
        at += step
        if -step / at < 1e-8:
            break
    return at
