"""Verdicts against SciPy, and the groups needed to decide."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from dlbench.stats import decisions, estimates, power, reasons
from dlbench.stats.decisions import Paired, Unpaired
from dlbench.stats.estimates import Estimate, VarianceComponent

pytestmark = pytest.mark.untimed

BETWEEN = 0.015
"""Spread of the log ratio between groups in lockstep (the method's 1.2 to 2.6 %)."""

numbers = st.floats(-1.0, 1.0).map(lambda value: round(value, 6))
samples = st.lists(numbers, min_size=3, max_size=40).filter(lambda values: np.std(values) > 1e-4)


@given(samples, st.sampled_from([0.0, 0.01, 0.1]))
def test_the_p_value_is_scipys_smaller_one(values, delta):
    """SciPy has the trimmed test for two samples (Yuen 1974); one that has no spread leaves the test of the other."""
    assume(Paired(values).shift().error > 1e-6)
    bound = math.log1p(delta)
    share = (estimates.trim_count(len(values)) + 0.5) / len(values)
    slower, faster = (
        scipy_stats.ttest_ind(values, [at] * len(values), equal_var=False, trim=share, alternative=alternative).pvalue
        for at, alternative in ((bound, "greater"), (-bound, "less"))
    )
    assert decisions.p_differs(Paired(values), delta) == pytest.approx(min(slower, faster), abs=1e-12)


def test_one_group_unlike_the_others_hides_a_slowdown_from_a_mean_but_not_from_fifteen_groups():
    """One of its processes stepped at another speed for as long as it lived."""
    for groups, expected in ((14, "inconclusive"), (15, "slower")):
        values = [math.log(3.0), *scaled(groups - 1, BETWEEN) + math.log(1.04)]
        plain = scipy_stats.ttest_1samp(values, math.log1p(decisions.NEGLIGIBLE_CHANGE), alternative="greater")
        assert plain.pvalue > power.ALPHA
        assert decisions.verdict(Paired(values), decisions.p_differs(Paired(values)))[0] == expected


def test_where_all_groups_count_none_is_left_out():
    values = [math.log(3.0), *scaled(29, BETWEEN) + math.log(1.04)]
    counting = Paired(values, all_count=True)
    plain = scipy_stats.ttest_1samp(values, math.log1p(decisions.NEGLIGIBLE_CHANGE), alternative="greater")
    for evidence in (counting, counting.reversed().reversed()):
        assert decisions.p_differs(evidence) == pytest.approx(plain.pvalue)
        assert decisions.minimum_detectable_change(evidence) > 3 * decisions.minimum_detectable_change(Paired(values))


@pytest.mark.parametrize(("groups", "cut"), [(5, 0), (15, 1), (45, 3)])
def test_the_draws_behind_the_smallest_change_take_the_same_mean_and_error(groups, cut):
    draws = np.random.default_rng(groups).normal(size=(20, groups))
    means, errors, freedom = power.trimmed(draws, cut)
    for row, mean, error in zip(draws, means, errors, strict=True):
        assert estimates.one_sample(list(row), cut) == pytest.approx((mean, error, freedom))


def test_a_ratio_is_transformed_back():
    found = Paired([math.log(1.1), math.log(1.3)]).ratio()
    assert found.value == pytest.approx(math.sqrt(1.1 * 1.3))


@pytest.mark.parametrize("groups", [2, 3, 4, 5, 6, 10, 15, 45])
def test_the_smallest_change_is_found_with_the_power_that_is_said(groups):
    """Power of the whole verdict, ranks included, is 80 % at the change stated for the true error."""
    noise = np.random.default_rng(100 + groups).normal(0, BETWEEN, (1500, groups))
    error = math.sqrt(np.mean([Paired(list(row)).shift().error ** 2 for row in noise]))
    exact = scaled(groups, BETWEEN)
    typical = exact * (error / Paired(exact).shift().error)
    change = math.log1p(decisions.minimum_detectable_change(Paired(typical)))
    rows = [list(row) for row in noise + change]
    found = [decisions.verdict(Paired(row), decisions.p_differs(Paired(row)))[0] == "slower" for row in rows]
    assert np.mean(found) == pytest.approx(power.POWER, abs=0.035)


@pytest.mark.parametrize(("before", "after", "between"), [(5, 5, 0.0), (3, 8, 0.0), (5, 5, 0.01)])
def test_so_it_is_between_two_sessions(before, after, between):
    """Sides of 1 % and 3 % spread, and sessions that differ as much as in a history of nine."""
    part = VarianceComponent(2 * between**2, 8) if between else None
    sides = [list(scaled(before, 0.01)), list(scaled(after, 0.03))]
    change = math.log1p(decisions.minimum_detectable_change(Unpaired(*sides, part)))
    random = np.random.default_rng(before + after)
    found = []
    for _ in range(1500):
        shift = change + random.normal(0, math.sqrt(2) * between)
        evidence = Unpaired(list(random.normal(0, 0.01, before)), list(random.normal(shift, 0.03, after)), part)
        found.append(decisions.verdict(evidence, decisions.p_differs(evidence))[0] == "slower")
    assert np.mean(found) == pytest.approx(power.POWER, abs=0.04)


def scaled(n, spread):
    values = np.linspace(-1, 1, n)
    return values * spread / values.std(ddof=1)


@given(samples, samples, st.sampled_from([0.0, 0.1]))
def test_two_sessions_are_compared_by_scipys_welch_test(before, after, bound):
    shift = Unpaired(before, after).shift()
    raised = [value + bound for value in before]
    welch = scipy_stats.ttest_ind(after, raised, equal_var=False, alternative="greater")
    assert shift.p_beyond(bound) == pytest.approx(welch.pvalue, abs=1e-12)
    expected = scipy_stats.ttest_ind(after, before, equal_var=False).confidence_interval()
    assert shift.interval() == pytest.approx((expected.low, expected.high))


@given(samples, st.sampled_from([0.0, 0.1]))
def test_the_signed_ranks_are_scipys(values, bound):
    """Without ties: SciPy drops zeros and gives equal sizes equal ranks, which its exact distribution does not know."""
    values = [value + 1e-7 * place for place, value in enumerate(values, start=1)]
    p_value = scipy_stats.wilcoxon([value - bound for value in values], alternative="greater", method="exact").pvalue
    assert Paired(values).ranks_agree(bound) == (p_value <= max(power.ALPHA, 0.5 ** len(values)))


@given(samples, samples, st.sampled_from([0.0, 0.1]))
def test_the_rank_sums_are_scipys(before, after, bound):
    before, after = ([v + 1e-7 * p for p, v in enumerate(side, start=at)] for side, at in ((before, 0), (after, 50)))
    raised = [value + bound for value in before]
    p_value = scipy_stats.mannwhitneyu(after, raised, alternative="greater", method="exact").pvalue
    least = 1 / math.comb(len(before) + len(after), len(after))
    assert Unpaired(before, after).ranks_agree(bound) == (p_value <= max(power.ALPHA, least))


def test_what_sessions_differ_by_widens_the_interval_and_takes_away_a_verdict():
    before, after = list(scaled(5, 0.01)), list(scaled(5, 0.01) + 0.08)
    alone, widened = Unpaired(before, after), Unpaired(before, after, VarianceComponent(2 * 0.05**2, 4))
    said = [decisions.verdict(one, decisions.p_differs(one))[0] for one in (alone, widened)]
    assert said == ["slower", "inconclusive"]
    assert widened.ratio().low < alone.ratio().low
    assert decisions.minimum_detectable_change(widened) > 3 * decisions.minimum_detectable_change(alone)


def test_a_single_process_on_one_side_is_indicative():
    evidence = Unpaired([0.0], [0.5, 0.6])
    assert decisions.verdict(evidence, decisions.p_differs(evidence))[0] == "indicative"
    assert evidence.ratio() == Estimate(pytest.approx(math.exp(0.55)), None, None, 1)


def test_numbers_without_any_spread_decide_by_their_difference():
    equal, more = Unpaired([1.0, 1.0], [1.0, 1.0]), Unpaired([1.0, 1.0], [1.2, 1.2])
    assert [decisions.verdict(one, decisions.p_differs(one))[0] for one in (equal, more)] == ["same", "slower"]
    assert decisions.minimum_detectable_change(equal) == pytest.approx(decisions.NEGLIGIBLE_CHANGE)


def test_the_smallest_change_needs_two_groups():
    assert decisions.minimum_detectable_change(Paired([0.1])) is None


CASES = {
    "slower": ([0.05, 0.051, 0.049, 0.052, 0.05], "slower", "ci-beyond"),
    "faster": ([-0.05, -0.051, -0.049, -0.052, -0.05], "faster", "ci-beyond"),
    "same": ([0.001, -0.002, 0.0, 0.002, -0.001], "same", "equivalent"),
    "wide": ([0.2, -0.2, 0.1, -0.1, 0.05], "inconclusive", "too-few-groups"),
    "within delta": ([0.005, 0.0051, 0.0049, 0.005, 0.0052], "same", "equivalent"),
    "one": ([0.5], "indicative", "one-process"),
}


@pytest.mark.parametrize("name", CASES)
def test_verdicts(name):
    values, verdict, code = CASES[name]
    p_value = decisions.p_differs(Paired(values)) if len(values) > 1 else 1.0
    found = decisions.verdict(Paired(values), p_value)
    assert found == (verdict, code)


def test_a_difference_that_does_not_survive_the_other_comparisons_is_inconclusive():
    values = [0.04, 0.06, 0.09, 0.03, 0.07]
    p_value = decisions.p_differs(Paired(values))
    assert decisions.verdict(Paired(values), p_value)[0] == "slower"
    assert decisions.verdict(Paired(values), 20 * p_value) == ("inconclusive", "one-of-many")


def test_a_rank_test_that_disagrees_makes_it_inconclusive():
    """One group of five short of the bound: 2 of the 32 ways to sign five ranks are as good, which is more than 5 %."""
    values = [0.0095, 0.04, 0.05, 0.045, 0.055]
    for sign in (1, -1):
        signed = [sign * value for value in values]
        assert decisions.p_differs(Paired(signed)) < 0.02
        assert decisions.verdict(Paired(signed), decisions.p_differs(Paired(signed))) == (
            "inconclusive",
            "ranks-disagree",
        )
    above = [0.0105, *values[1:]]
    assert decisions.verdict(Paired(above), decisions.p_differs(Paired(above))) == ("slower", "ci-beyond")


def bounds(found):
    """Distance that `slower` and `same` take beyond their limits, together."""
    (low, high), (lowest, highest) = (found.shift().interval(level) for level in (0.90, 0.98))
    return (high - low + highest - lowest) / 2


@given(st.lists(st.floats(-0.06, 0.06).map(lambda value: round(value, 5)), min_size=2, max_size=14))
def test_only_an_interval_that_is_too_wide_asks_for_more_groups(values):
    """Below `DECIDING` the t test or the test of equivalence holds wherever the ratio lies."""
    found = decisions.verdict(Paired(values), decisions.p_differs(Paired(values)))
    wide = bounds(Paired(values)) > decisions.DECIDING
    assert found.code in reasons.REASONS
    assert wide or found.code != "too-few-groups"
    assert (Paired(values).more_to_decide() is None) >= (not wide and found.code == "too-few-groups")


@pytest.mark.parametrize("spread", [0.015, 0.03, 0.06])
@pytest.mark.parametrize("known", [5, 6, 15])
def test_as_many_more_groups_as_are_said_decide_in_most_sessions(spread, known):
    """Whatever the truth is: the width of an interval says nothing of its middle."""
    decided, asked, needed = 0, [], power.groups_needed(spread, 10**6, decisions.DECIDING)
    random, trials = np.random.default_rng([known, int(1000 * spread)]), 0
    while trials < 200:
        groups = list(random.normal(0.02, spread, known))
        more = Paired(groups).more_to_decide()
        if more is None:
            continue
        trials += 1
        asked.append(known + more)
        found = Paired([*groups, *random.normal(0.02, spread, more)])
        decided += bounds(found) <= decisions.DECIDING * 1.001
    assert decided / trials >= 0.7
    assert needed <= np.median(asked) <= 3 * needed


def test_what_it_would_take_is_not_said_where_it_is_not_groups_that_lack():
    assert Paired([0.5]).more_to_decide() is None
    assert Paired([0.001, -0.001, 0.0]).more_to_decide() is None
    assert Paired([9.0, -9.0]).more_to_decide() is None, "more than any session has"
    assert Unpaired([0.0, 0.1], [0.3, -0.2]).more_to_decide() is None


@pytest.mark.parametrize("groups", [4, 5, 6, 15])
@pytest.mark.parametrize("spread", [0.01, 0.02, 0.04])
def test_a_change_of_three_percent_is_called_the_same_once_in_a_hundred_times(groups, spread):
    """At the margin itself, where a test of equivalence errs most."""
    random, draws = np.random.default_rng([groups, int(1000 * spread)]), 2000
    drawn = random.normal(math.log1p(0.03), spread, size=(draws, groups)).tolist()
    wrong = sum(decisions.verdict(Paired(one), decisions.p_differs(Paired(one))).verdict == "same" for one in drawn)
    assert wrong / draws <= 0.017, "four standard errors above a hundredth are 1.9 %, three 1.7 %"
