"""Ratios that were measured on several machines: the machine is a level of its own."""

import math

import numpy as np
import pytest

from dlbench.stats.decisions import Paired, minimum_detectable_change
from dlbench.stats.estimates import one_sample, over_machines

pytestmark = pytest.mark.untimed
SESSIONS = 2000


def covered(machines, groups, between, within=0.01):
    """Share of sessions whose 95 % interval holds the true ratio of this kind of machine."""
    random = np.random.default_rng([machines, groups, round(between * 1e4)])
    effects = random.normal(0.0, between, (SESSIONS, machines, 1))
    values = effects + random.normal(0.0, within, (SESSIONS, machines, groups))
    ends = [over_machines(dict(enumerate(one.tolist()))).interval() for one in values]
    return sum(low <= 0.0 <= high for low, high in ends) / SESSIONS


@pytest.mark.parametrize("between", [0.0, 0.005, 0.01, 0.03])
@pytest.mark.parametrize(("machines", "groups"), [(3, 5), (5, 1), (5, 4), (10, 6)])
def test_intervals_hold_for_the_kind_of_machine_however_much_machines_differ(machines, groups, between):
    assert covered(machines, groups, between) >= 0.92


@pytest.mark.parametrize("between", [0.0, 0.005, 0.01, 0.03])
def test_two_machines_say_little_about_others_and_their_interval_nearly_holds(between):
    assert covered(2, 5, between) >= 0.87


def test_groups_that_count_as_one_machines_would_be_sure_of_too_much():
    random = np.random.default_rng(1)
    values = random.normal(0, 0.03, (SESSIONS, 3, 1)) + random.normal(0, 0.01, (SESSIONS, 3, 5))
    pooled = [one_sample(one.ravel().tolist()).interval() for one in values]
    assert sum(low <= 0 <= high for low, high in pooled) / SESSIONS < 0.75


def test_groups_of_one_machine_are_what_they_were_without_its_name():
    values = [0.01, 0.02, 0.015, 0.03]
    named = Paired(values, machines=["a"] * 4)
    assert named.shift() == Paired(values).shift() == over_machines({"a": values})
    assert named.more_to_decide() == Paired(values).more_to_decide()
    assert minimum_detectable_change(named) == minimum_detectable_change(Paired(values))


def test_the_mean_is_that_of_all_groups_and_the_error_grows_with_the_difference_of_machines():
    alike = Paired([0.01, 0.02, 0.01, 0.02], machines=["a", "a", "b", "b"])
    apart = Paired([0.01, 0.02, 0.11, 0.12], machines=["a", "a", "b", "b"])
    assert alike.shift().mean == pytest.approx(0.015)
    assert apart.shift().mean == pytest.approx(0.065)
    assert apart.shift().degrees_of_freedom < 1.1 < alike.shift().degrees_of_freedom
    assert apart.shift().error > Paired(apart.log_ratios).shift().error
    assert apart.reversed().shift().mean == -apart.shift().mean
    assert apart.more_to_decide() is None
    assert minimum_detectable_change(apart) > minimum_detectable_change(alike) > 0


def test_one_group_on_each_machine_is_one_number_for_each():
    values = {"a": [0.01], "b": [0.03], "c": [0.02]}
    assert over_machines(values).error == pytest.approx(one_sample([0.01, 0.03, 0.02]).error)
    assert over_machines(values).degrees_of_freedom == pytest.approx(2)
    assert over_machines({"a": [0.01]}) is None
    assert math.isfinite(over_machines({"a": [0.01], "b": [0.01]}).interval()[1])
