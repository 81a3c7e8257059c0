"""Rounds that a trial's noise makes worth their time."""

from __future__ import annotations

import math
import random

import pytest

from dlbench.stats import rounds

pytestmark = pytest.mark.untimed


def drawn(within, between, groups=10, number=20, seed=0):
    generator = random.Random(seed)
    middles = [generator.gauss(0.05, between) for _ in range(groups)]
    return [[generator.gauss(middle, within) for _ in range(number)] for middle in middles]


@pytest.mark.parametrize("seed", range(5))
def test_a_quiet_machine_has_the_least_and_one_whose_rounds_differ_has_more(seed):
    quiet, busy = (rounds.worth(drawn(within, 0.005, seed=seed), 100.0) for within in (0.005, 0.15))
    assert (quiet, busy) == (rounds.LEAST, rounds.MOST)


def test_processes_that_differ_are_not_measured_for_longer():
    assert rounds.worth(drawn(0.02, 0.05), 20.0) == rounds.LEAST


@pytest.mark.parametrize(("within", "between", "overhead"), [(0.03, 0.01, 80.0), (0.1, 0.01, 60.0), (0.01, 0.01, 60.0)])
def test_the_product_of_time_and_variance_is_near_its_least(within, between, overhead):
    """As they were drawn: it is known from ten groups only."""

    def product(number):
        return (overhead + number) * (between**2 + math.pi / 2 * within**2 / number)

    found = [rounds.worth(drawn(within, between, seed=seed), overhead) for seed in range(40)]
    best = min(product(number) for number in range(rounds.LEAST, rounds.MOST + 1))
    assert sum(map(product, found)) / 40 <= 1.25 * best


def test_a_longer_overhead_makes_more_rounds_worth_it():
    assert rounds.worth(drawn(0.03, 0.005), 20.0) < rounds.worth(drawn(0.03, 0.005), 100.0)


@pytest.mark.parametrize("groups", [[], [[0.1, 0.1]], [[0.1], [0.2], [0.3]]])
def test_what_says_nothing_of_noise_has_the_least(groups):
    assert rounds.worth(groups, 20.0) == rounds.LEAST


def test_a_session_has_no_more_rounds_than_its_next_analysis_needs():
    groups = drawn(0.02, 0.0, seed=3)
    assert rounds.worth(groups, 275.0) > 2 * rounds.due(groups, 275.0, 6, 20) == 40
    assert rounds.due(drawn(0.08, 0.0, seed=3), 275.0, 6, 20) > rounds.due(drawn(0.08, 0.0, seed=3), 275.0, 45, 20)


def test_a_session_whose_groups_differ_has_the_rounds_that_are_worth_their_time():
    """No number of rounds makes six such groups enough."""
    groups = drawn(0.1, 0.05, groups=40)
    assert rounds.noise(groups).needed(6) == math.inf
    assert rounds.due(groups, 275.0, 6, 20) == pytest.approx(math.sqrt(275 * math.pi / 2) * 0.1 / 0.05, rel=0.6)


def test_rounds_that_differ_by_a_third_are_as_many_as_a_session_may_have():
    groups = drawn(0.3, 0.0, groups=1)
    assert rounds.due(groups, 275.0, 6, 20) == rounds.MOST
    assert rounds.due(groups, 0.0, 6, 20) == rounds.due([], 275.0, 6, 20) == 20
    assert rounds.due(groups, 275.0, 6, 400) == 400


GOAL = rounds.Goal(0.023, 0.00014, 0.75)
"""That of a candidate half-way between ends 4.6 % apart."""


@pytest.mark.parametrize("seed", range(3))
def test_the_rounds_of_a_trial_reach_its_goal_in_the_least_time(seed):
    groups = drawn(0.07, 0.005, seed=seed)
    found = rounds.noise(groups)
    best = rounds.soonest(groups, 50.0, GOAL)
    least = min(found.until(GOAL, number, 50.0) for number in range(rounds.LEAST, rounds.MOST + 1))
    assert found.until(GOAL, best, 50.0) == least < math.inf
    assert least <= found.until(GOAL, rounds.worth(groups, 50.0), 50.0)


def test_a_goal_is_reached_at_a_look_whose_interval_is_narrow_enough():
    """The t quantiles of 0.9999 are 9.68 at five degrees of freedom and 6.01 at nine; one standard error is margin."""
    goal = rounds.Goal(0.02, 0.0002)
    first, second = 0.02 * math.sqrt(6) / 10.68, 0.02 * math.sqrt(10) / 7.01
    for spread, groups in ((0.99 * first, 6), (1.01 * first, 10), (0.99 * second, 10), (1.01 * second, 15)):
        assert rounds.Noise(0.0, spread**2).until(goal, 20, 30.0) == groups * 50
        assert rounds.Noise(20 * spread**2, 0.0).until(goal, 20, 30.0) == groups * 50


def test_a_goal_that_the_least_rounds_reach_at_the_first_look_takes_no_more():
    assert rounds.soonest(drawn(0.005, 0.001), 50.0, GOAL) == rounds.LEAST


def test_a_goal_that_is_out_of_reach_leaves_the_rounds_that_are_worth_their_time():
    groups = drawn(0.1, 0.1)
    assert rounds.soonest(groups, 50.0, rounds.Goal(0.001, 0.001)) == rounds.worth(groups, 50.0)
    assert rounds.soonest([], 50.0, GOAL) == rounds.LEAST
