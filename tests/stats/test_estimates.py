"""Statistics against SciPy, NumPy and statsmodels."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from dlbench.stats import estimates
from dlbench.stats.estimates import Estimate

pytestmark = pytest.mark.untimed

numbers = st.floats(-1.0, 1.0).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=3, max_size=20).filter(lambda values: np.std(values) > 1e-4)


@given(samples, st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(values, level):
    expected = scipy_stats.ttest_1samp(values, 0.0).confidence_interval(level)
    assert estimates.one_sample(values).interval(level) == pytest.approx((expected.low, expected.high))


@given(st.lists(numbers, min_size=15, max_size=60, unique=True))
def test_the_trimmed_mean_and_its_error_are_scipys(values):
    """SciPy's error is scaled by the number of all values, Yuen's by the number that stay, less one."""
    n, cut = len(values), estimates.trim_count(len(values))
    found = estimates.one_sample(values, cut)
    assert found.mean == pytest.approx(scipy_stats.trim_mean(values, (cut + 0.5) / n), abs=1e-12)
    kept, limits = n - 2 * cut, ((cut + 0.5) / n,) * 2
    scaled = kept / n * math.sqrt(n * (n - 1) / (kept * (kept - 1)))
    error = scipy_stats.mstats.trimmed_stde(np.array(values), limits=limits) * (1 - sum(limits)) / (kept / n)
    assert found.error == pytest.approx(scaled * error)
    assert found.degrees_of_freedom == kept - 1


def test_one_in_fifteen_is_left_out_at_either_end():
    assert [estimates.trim_count(n) for n in (2, 14, 15, 29, 30, 45)] == [0, 0, 1, 1, 2, 3]


@given(st.lists(numbers, min_size=1, max_size=300), st.sampled_from([0, 25, 50, 95, 99]))
def test_the_percentile_is_numpys_where_there_are_enough_values(values, rank):
    found = estimates.percentile(values, rank)
    needed = {95: 20, 99: 100}.get(rank, 1)
    if len(values) < needed:
        assert found is None
    else:
        assert found == pytest.approx(np.percentile(values, rank))


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=20))
def test_an_estimate_of_positive_values_is_their_geometric_mean(values):
    found = estimates.estimate(values)
    assert found.value == pytest.approx(scipy_stats.gmean(values))
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)
    assert found.n == len(values)


def test_an_estimate_with_a_value_that_is_not_positive_is_an_ordinary_mean():
    assert estimates.estimate([-1.0, 0.0, 4.0]).value == pytest.approx(1.0)


def test_one_value_has_no_interval_and_none_no_estimate():
    assert estimates.estimate([3.0]) == Estimate(pytest.approx(3.0), None, None, 1)
    assert estimates.one_sample([3.0]) is None
    with pytest.raises(ValueError, match="at least one value"):
        estimates.estimate([])


@pytest.fixture(scope="module")
def multipletests():
    """Imported by the one worker that asks for it, and not while Hypothesis traces lines: that takes 40 s."""
    from statsmodels.stats import multitest

    return multitest.multipletests


@given(p_values=st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_adjusted_p_values_are_those_of_statsmodels(multipletests, p_values):
    _, expected, _, _ = multipletests(p_values, method="holm")
    assert estimates.holm(p_values) == pytest.approx(expected)


def test_holms_worked_example():
    assert estimates.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
