"""The search over drawn sessions: its error, several steps, what cannot be measured, and what ends it."""

from __future__ import annotations

import math

import pytest

from dlbench.stats.bisection import decisions
from dlbench.stats.bisection.decisions import ALARM, MOST
from dlbench.stats.bisection.search import WHY, Exhausted, Unmeasurable, search
from studies.bisection.simulated import KINDS, Kind, drawn

pytestmark = pytest.mark.untimed

PLANTED, FASTER, UNCHANGED, TWICE = KINDS[:4]


def measuring(levels, broken=(), spread=0.001, trials=None, most=None):
    """A measure of exact levels with a little spread; members in `broken` cannot be measured."""

    def measure(trial):
        if trials is not None:
            trials.append(trial)
        if most is not None and trial.number >= most:
            raise Exhausted("the budget is used")
        for member in trial.members:
            if member in broken:
                raise Unmeasurable(member, f"version {member} does not install")
        groups = []
        for number in range(MOST):
            groups.append({m: levels[m] + spread * ((7 * number + 3 * m) % 5 - 2) for m in trial.members})
            if trial.verdict(groups) is not None:
                break
        return groups

    return measure


def levels(*steps, places=16):
    return [sum(height for at, height in steps if at <= place) for place in range(places)]


def test_of_a_hundred_planted_slowdowns_the_right_version_is_named():
    answers = [drawn(PLANTED, seed).answer for seed in range(100)]
    assert answers.count("exact") >= 95
    assert answers.count("wrong") <= 1


def test_of_a_hundred_unchanged_ranges_at_most_one_is_an_alarm():
    answers = [drawn(UNCHANGED, seed).answer for seed in range(100)]
    assert answers.count("alarm") <= 1
    assert answers.count("none") >= 95


def test_a_change_for_the_better_is_found_alike():
    assert [drawn(FASTER, seed).answer for seed in range(20)].count("exact") >= 19


def test_two_steps_are_both_found():
    assert [drawn(TWICE, seed).answer for seed in range(20)].count("exact") >= 19
    found = search(16, measuring(levels((4, 0.03), (12, 0.03))))
    assert [step.after for step in found.confirmed] == [4, 12]
    assert found.several


@pytest.mark.parametrize("at", range(1, 16))
def test_every_place_can_be_found_in_few_trials(at):
    trials = []
    found = search(16, measuring(levels((at, 0.05)), trials=trials))
    assert (found.status, found.reason, found.ranges) == ("found", "", ())
    assert [(step.before, step.after) for step in found.steps] == [(at - 1, at)]
    assert found.status == "found"
    assert not found.several
    assert len(trials) <= 6
    step = found.steps[0].ratio
    assert step.low < math.exp(0.05) < step.high


def test_candidates_have_both_ends_beside_them():
    trials = []
    search(16, measuring(levels((9, 0.05)), trials=trials))
    assert all({0, 15} <= set(trial.members) for trial in trials)


def test_the_ends_alone_say_that_they_are_the_same():
    trials = []
    found = search(16, measuring(levels(), trials=trials))
    assert (found.status, len(trials)) == ("same", 1)
    found = search(16, measuring(levels((3, 0.004))))
    assert found.status == "same"


def test_ends_that_are_never_told_apart_are_undecided():
    found = search(16, measuring(levels((3, math.log1p(0.01)))))
    assert found.status == "undecided"
    assert "45 groups" in found.reason


def test_what_cannot_be_measured_is_stepped_around_and_named():
    found = search(16, measuring(levels((9, 0.05)), broken={7, 8}))
    assert [(step.before, step.after, step.skipped) for step in found.steps] == [(6, 9, (7, 8))]
    assert next((row.place, row.reason) for row in found.rows if row.reason) == (7, "version 7 does not install")
    found = search(16, measuring(levels((9, 0.05)), broken={7, 3}))
    assert [(step.before, step.after, step.skipped) for step in found.steps] == [(8, 9, ())]


@pytest.mark.parametrize("end", [0, 15])
def test_an_end_that_cannot_be_measured_is_no_answer(end):
    found = search(16, measuring(levels((9, 0.05)), broken={end}))
    assert (found.status, found.reason) == ("not measured", f"version {end} does not install")


def test_a_used_budget_leaves_the_range_in_which_the_step_is():
    found = search(16, measuring(levels((9, 0.05)), most=3))
    assert (found.status, found.ranges, found.reason) == ("undecided", ((7, 11),), "the budget is used")


def test_a_step_that_the_second_measurement_does_not_show_is_none():
    first, second = measuring(levels((9, 0.05))), measuring(levels((12, 0.05)))
    found = search(16, lambda trial: (second if trial.kind == "confirmation" else first)(trial))
    assert found.status == "undecided"
    assert [step.verdict for step in found.steps] == ["not confirmed"]
    assert found.rows[-1].reason == WHY["not confirmed"]
    assert WHY["not confirmed"] in found.reason


def test_neighbouring_ends_need_no_candidate():
    trials = []
    found = search(2, measuring(levels((1, 0.05), places=2), trials=trials))
    assert (found.status, [trial.kind for trial in trials]) == ("found", ["ends", "confirmation"])


def test_a_figure_without_any_spread_is_decided():
    found = search(16, measuring(levels((9, 0.05)), spread=0.0), all_count=True)
    assert [step.after for step in found.confirmed] == [9]


@pytest.mark.parametrize("places", [2, 3, 16, 1000])
def test_the_shares_of_all_decisions_add_up_to_the_error(places):
    shares, number = [], 0
    while (one := decisions.share(number, places)) is not None:
        shares.append(one)
        number += 1
    assert math.fsum(shares) == pytest.approx(ALARM)


def test_wide_spreads_take_more_groups_and_no_more_errors():
    wide = Kind("5 %, spread 1 %", {0: 0.05}, 0.01)
    answers = [drawn(wide, seed) for seed in range(20)]
    assert not any(one.answer == "wrong" for one in answers)
    assert min(one.groups for one in answers) > min(drawn(PLANTED, seed).groups for seed in range(20))


def test_a_trial_that_the_budget_cuts_short_has_its_ratio():
    whole = measuring(levels((9, 0.05)))

    def measure(trial):
        groups = whole(trial)
        if trial.number == 1:
            raise Exhausted("the budget is used", groups[:3])
        return groups

    row = search(16, measure).rows[-1]
    assert (row.verdict, row.to_old.groups, row.reason) == ("undecided", 3, "the budget is used")
