"""Moderated variances: the distribution that they are drawn from is found again, and tests keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats

from dlbench.stats.estimates import VarianceComponent
from dlbench.stats.tuning.moderated import MOST_FREEDOM, Prior, inverse_trigamma, prior

pytestmark = pytest.mark.untimed


def drawn(arms: int, freedom: float, variance: float, own: int, seed: int = 0) -> list[VarianceComponent]:
    draw = np.random.default_rng(seed)
    true = variance * freedom / draw.chisquare(freedom, arms)
    return [VarianceComponent(float(one), own) for one in true * draw.chisquare(own, arms) / own]


@pytest.mark.parametrize("value", [1e-8, 0.01, 0.5, 3.0, 1e9])
def test_the_inverse_of_the_trigamma_function(value: float) -> None:
    assert float(special.polygamma(1, inverse_trigamma(value))) == pytest.approx(value, rel=1e-3)


def test_the_distribution_of_variances_is_found_again() -> None:
    found = prior(drawn(4000, 6.0, 1e-4, 2))
    assert found.variance == pytest.approx(1e-4, rel=0.1)
    assert found.degrees_of_freedom == pytest.approx(6.0, rel=0.2)


def test_equal_variances_are_pooled_and_few_are_not() -> None:
    equal = [VarianceComponent(float(one), 2) for one in 1e-4 * np.random.default_rng(1).chisquare(2, 400) / 2]
    assert prior(equal).degrees_of_freedom > 20
    assert prior([VarianceComponent(1e-4, 2)] * 30).degrees_of_freedom == MOST_FREEDOM
    assert prior(equal[:4]) == Prior()


def test_the_moderated_t_of_two_values_keeps_its_level() -> None:
    """Two values an arm, spreads that differ: 5 % of the arms are called different from their true mean."""
    draw, arms = np.random.default_rng(2), 3000
    spreads = np.sqrt(1e-4 * 8 / draw.chisquare(8, arms))
    values = draw.normal(0.0, spreads[:, None], (arms, 2))
    found = prior([VarianceComponent(float(row.var(ddof=1)), 1) for row in values])
    shifts = [found.moderated(row.tolist()) for row in values]
    p_values = [one.p_beyond(0.0) for one in shifts if one is not None]
    assert np.mean(np.array(p_values) < 0.05) == pytest.approx(0.05, abs=0.012)
    plain = stats.ttest_1samp(values, 0.0, axis=1, alternative="greater").pvalue
    assert np.mean(np.array(p_values) < 0.001) < 0.004 > np.mean(plain < 0.001)


def test_one_value_has_no_error() -> None:
    assert Prior(1e-4, 10.0).moderated([0.1]) is None
