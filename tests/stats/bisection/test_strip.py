"""A strip: parts that share the old end and a neighbour, its steps, and places that cannot be measured."""

from __future__ import annotations

import pytest

from dlbench.stats.bisection.search import Exhausted, Unmeasurable
from dlbench.stats.bisection.strip import TOGETHER, strip
from dlbench.stats.interim import INTERIM_GROUPS

pytestmark = pytest.mark.untimed


def measuring(levels, broken=(), trials=None, spread=0.001):
    def measure(trial):
        trials is not None and trials.append(trial)
        for member in trial.members:
            if member in broken:
                raise Unmeasurable(member, f"version {member} does not install")
        groups = []
        while trial.verdict(groups) is None:
            at = len(groups)
            groups.append({m: levels[m] + spread * ((7 * at + 3 * m) % 5 - 2) for m in trial.members})
        return groups

    return measure


LEVELS = [0.0] * 4 + [0.05] * 5 + [0.02] * 7


def test_every_step_is_named_once_and_every_place_has_its_ratio():
    trials = []
    points = strip(16, measuring(LEVELS, trials=trials))
    assert [point.place for point in points] == list(range(16))
    assert [point.place for point in points if point.verdict == "differ"] == [4, 9]
    assert all(point.to_old.ratio == pytest.approx(2.718281828 ** LEVELS[point.place], rel=0.01) for point in points)
    assert all(0 in trial.members and len(trial.members) <= TOGETHER for trial in trials)
    covered = {pair for trial in trials for pair in zip(trial.members, trial.members[1:], strict=False)}
    assert {(place, place + 1) for place in range(15)} <= covered


def test_an_unchanged_strip_names_nothing():
    assert {point.verdict for point in strip(9, measuring([0.0] * 9))} == {"same"}


def test_a_place_that_cannot_be_measured_stands_there_with_its_reason():
    told = []
    points = strip(16, measuring(LEVELS, broken={4, 5}), told.append)
    assert [(point.place, point.reason) for point in points if point.verdict == "not measured"] == [
        (4, "version 4 does not install"),
        (5, "version 5 does not install"),
    ]
    assert [point.place for point in points if point.verdict == "differ"] == [6, 9]
    assert {row.place for row in told} == set(range(1, 16))


def test_an_old_end_that_cannot_be_measured_is_no_strip():
    with pytest.raises(Unmeasurable):
        strip(4, measuring([0.0] * 4, broken={0}))


def test_a_used_budget_leaves_the_ratios_that_are_known():
    whole = measuring(LEVELS)

    def measure(trial):
        if trial.number:
            raise Exhausted("the budget is used", whole(trial)[:2])
        return whole(trial)

    points = strip(16, measure)
    assert [point.place for point in points if point.to_old is not None] == list(range(10))
    assert {point.reason for point in points[10:]} == {"the budget is used"}
    assert {point.verdict for point in points[10:]} == {"undecided"}


def test_a_budget_is_spread_over_all_parts_before_any_is_measured_further():
    trials = []
    noisy = measuring(LEVELS, trials=trials, spread=0.03)

    def measure(trial):
        if len(trials) == 7:
            raise Exhausted("the budget is used")
        return noisy(trial)

    told = []
    points = strip(16, measure, told.append)
    assert [(trial.number, trial.most) for trial in trials] == [
        (0, 6),
        (1, 6),
        (2, 6),
        (3, 6),
        (0, 10),
        (1, 10),
        (2, 10),
    ]
    assert all(point.to_old is not None for point in points)
    assert {point.reason for point in points[1:]} == {"the budget is used"}
    assert sorted(row.place for row in told) == list(range(1, 16))


def test_a_part_whose_neighbours_are_known_is_not_measured_further_for_the_end_that_all_share():
    trials = []
    steady = measuring([0.0] * 9, trials=trials)

    def measure(trial):
        groups = steady(trial)
        return [one | {0: one[0] + 0.1 * (-1) ** at} for at, one in enumerate(groups)] if trial.number else groups

    strip(9, measure)
    assert [trial.most for trial in trials if trial.number == 1] == [6]


def test_a_part_that_the_groups_of_a_cut_look_settle_has_its_ratios():
    """The budget ends within the second look of the first part, whose groups tell it by then."""
    noisy, steady = (measuring(LEVELS, spread=spread) for spread in (0.03, 0.001))

    def measure(trial):
        if trial.most > INTERIM_GROUPS[0]:
            raise Exhausted("the budget is used", steady(trial) + steady(trial))
        return noisy(trial)

    points = strip(6, measure)
    assert [point.verdict for point in points] == ["same", "same", "same", "same", "differ", "same"]
    assert all(point.to_old is not None and not point.reason for point in points)


def test_a_place_that_is_lost_after_the_first_look_ends_its_part_and_leaves_the_others():
    noisy, steady = (measuring(LEVELS, spread=spread) for spread in (0.03, 0.001))

    def measure(trial):
        if trial.number == 0 and trial.most > INTERIM_GROUPS[0]:
            raise Unmeasurable(3, "version 3 crashes")
        return (steady if trial.number else noisy)(trial)

    points = strip(16, measure)
    assert {(point.verdict, point.reason) for point in points[1:6]} == {("undecided", "version 3 crashes")}
    assert all(point.to_old is not None for point in points)
    assert [point.place for point in points if point.verdict == "differ"] == [9]
