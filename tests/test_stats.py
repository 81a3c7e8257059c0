"""Statistics against SciPy and NumPy, and the whole decision against data of which the truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from dlbench import stats
from dlbench.stats import Estimate

GROUPS, ROUNDS = 5, 40
BETWEEN, WITHIN = 0.015, 0.02
"""Spread of the log ratio between groups in lockstep (the method's 1.2 to 2.6 %), and of rounds within one."""

numbers = st.floats(-1.0, 1.0).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=3, max_size=20).filter(lambda values: np.std(values) > 1e-4)


@given(samples, st.sampled_from([0.9, 0.95, 0.99]))
def test_the_interval_is_scipys(values, level):
    expected = scipy_stats.ttest_1samp(values, 0.0).confidence_interval(level)
    assert stats.interval(values, level) == pytest.approx((expected.low, expected.high))


@given(samples, st.sampled_from([0.0, 0.01, 0.1]))
def test_the_p_value_is_scipys_smaller_one(values, delta):
    bound = math.log1p(delta)
    slower = scipy_stats.ttest_1samp(values, bound, alternative="greater").pvalue
    faster = scipy_stats.ttest_1samp(values, -bound, alternative="less").pvalue
    assert stats.p_differs(values, delta) == pytest.approx(min(slower, faster), abs=1e-12)


@given(st.lists(numbers, min_size=1, max_size=300), st.sampled_from([0, 25, 50, 95, 99]))
def test_the_percentile_is_numpys_where_there_are_enough_values(values, rank):
    found = stats.percentile(values, rank)
    needed = {95: 20, 99: 100}.get(rank, 1)
    if len(values) < needed:
        assert found is None
    else:
        assert found == pytest.approx(np.percentile(values, rank))


@given(st.lists(st.floats(1e-6, 1e3), min_size=2, max_size=20))
def test_an_estimate_of_positive_values_is_their_geometric_mean(values):
    found = stats.estimate(values)
    assert found.value == pytest.approx(scipy_stats.gmean(values))
    assert found.low <= found.value * (1 + 1e-9)
    assert found.value <= found.high * (1 + 1e-9)
    assert found.n == len(values)


def test_an_estimate_with_a_value_that_is_not_positive_is_an_ordinary_mean():
    assert stats.estimate([-1.0, 0.0, 4.0]).value == pytest.approx(1.0)


def test_one_value_has_no_interval_and_none_no_estimate():
    assert stats.estimate([3.0]) == Estimate(pytest.approx(3.0), None, None, 1)
    assert stats.interval([3.0]) is None
    with pytest.raises(ValueError, match="at least one value"):
        stats.estimate([])


def test_a_ratio_is_transformed_back():
    found = stats.ratio([math.log(1.1), math.log(1.3)])
    assert found.value == pytest.approx(math.sqrt(1.1 * 1.3))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_as_the_step_down_procedure_rejects(p_values):
    """The textbook form: go up the sorted values while each is at most alpha over those left."""
    adjusted = stats.holm(p_values)
    for alpha in (0.01, 0.05, 0.2):
        rejected, order = set(), sorted(range(len(p_values)), key=p_values.__getitem__)
        for rank, place in enumerate(order):
            if p_values[place] * (len(p_values) - rank) > alpha:
                break
            rejected.add(place)
        assert {place for place, value in enumerate(adjusted) if value <= alpha} == rejected


def test_holms_worked_example():
    assert stats.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("groups", [2, 3, 4, 5, 6, 10])
def test_the_smallest_change_is_found_with_the_power_that_is_said(groups):
    """By the whole verdict, ranks included: at the change stated for the true spread, power is 80 %."""
    exact = np.array([*(-1.0, 1.0) * (groups // 2), *((0.0,) if groups % 2 else ())])
    exact *= BETWEEN / exact.std(ddof=1)
    change = math.log1p(stats.smallest_change(list(exact)))
    rows = [list(row) for row in np.random.default_rng(100 + groups).normal(change, BETWEEN, (1500, groups))]
    found = [stats.verdict(row, stats.p_differs(row))[0] == "slower" for row in rows]
    assert np.mean(found) == pytest.approx(stats.POWER, abs=0.035)


def test_the_smallest_change_needs_two_groups():
    assert stats.smallest_change([0.1]) is None


CASES = {
    "slower": ([0.05, 0.051, 0.049, 0.052, 0.05], "slower", ""),
    "faster": ([-0.05, -0.051, -0.049, -0.052, -0.05], "faster", ""),
    "same": ([0.001, -0.002, 0.0, 0.002, -0.001], "same", ""),
    "wide": ([0.2, -0.2, 0.1, -0.1, 0.05], "inconclusive", ""),
    "within delta": ([0.005, 0.0051, 0.0049, 0.005, 0.0052], "same", ""),
    "one": ([0.5], "indicative", "one process each"),
}


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name):
    values, verdict, reason = CASES[name]
    p_value = stats.p_differs(values) if len(values) > 1 else 1.0
    found = stats.verdict(values, p_value)
    assert found[0] == verdict
    assert reason in found[1]


def test_a_difference_that_does_not_survive_the_other_comparisons_is_inconclusive():
    values = [0.04, 0.06, 0.09, 0.03, 0.07]
    p_value = stats.p_differs(values)
    assert stats.verdict(values, p_value)[0] == "slower"
    assert stats.verdict(values, 20 * p_value) == (
        "inconclusive",
        "a difference alone, but not among this many comparisons",
    )


def test_a_rank_test_that_disagrees_makes_it_inconclusive():
    """One group of five short of the bound: 2 of the 32 ways to sign five ranks are as good, which is more than 5 %."""
    values = [0.0095, 0.04, 0.05, 0.045, 0.055]
    for sign in (1, -1):
        signed = [sign * value for value in values]
        assert stats.p_differs(signed) < 0.02
        assert stats.verdict(signed, stats.p_differs(signed)) == (
            "inconclusive",
            "the t test and the exact rank test disagree",
        )
    above = [0.0105, *values[1:]]
    assert stats.verdict(above, stats.p_differs(above)) == ("slower", "")


def study(change, pooled=False, trials=600):
    """Shares of trials that were called slower or faster, and that hold the truth in their interval."""
    random = np.random.default_rng(7)
    called, covered = 0, 0
    for _ in range(trials):
        groups = random.normal(math.log1p(change), BETWEEN, GROUPS)
        rounds = groups[:, None] + random.normal(0, WITHIN, (GROUPS, ROUNDS))
        values = list(rounds.ravel()) if pooled else [float(np.median(group)) for group in rounds]
        # As pooled tests are done: on the samples' own spread, without the rank test.
        called += (
            stats.p_differs(values) <= stats.ALARM
            if pooled
            else stats.verdict(values, stats.p_differs(values))[0] in ("slower", "faster")
        )
        low, high = stats.interval(values)
        covered += low <= math.log1p(change) <= high
    return called / trials, covered / trials


def test_the_method_raises_no_false_alarm_covers_the_truth_and_sees_what_it_should():
    alarms, coverage = study(0.0)
    assert alarms <= 0.01
    assert coverage >= 0.92
    assert study(0.05)[0] >= 0.95
    assert study(-0.05)[0] >= 0.95


def test_the_check_of_the_method_can_fail_samples_pooled_over_processes_raise_alarms():
    alarms, coverage = study(0.0, pooled=True)
    assert alarms > 0.01
    assert coverage < 0.92
