"""Trials by errors, and figures that an arm does not have."""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import pytest

from dlbench.api.bisection import effort, errors, groups
from dlbench.api.bisection.errors import Errors
from dlbench.api.bisection.members import Members
from dlbench.api.bisection.trials import Trials
from dlbench.parity import fidelity
from dlbench.record.fidelity import Deviation, Fidelity
from dlbench.session.listener import Quiet
from dlbench.spec import Policy, Spec
from dlbench.stats.bisection.search import search
from dlbench.workers.environments.layers import Recipe
from dlbench.workers.environments.ranges import Candidate, Found

pytestmark = pytest.mark.untimed

NAMES = ("1.0", "1.1", "1.2", "1.3")


@pytest.fixture
def members(monkeypatch):
    """Four members that need no environment."""
    found = Found("acme", ("acme",), tuple(Candidate(name, Recipe((f"acme=={name}",))) for name in NAMES))
    request = SimpleNamespace(policy=Policy(), subjects=SimpleNamespace(selection={}))
    one = Members(found, request, None, None, {}, lambda: None)
    monkeypatch.setattr(Members, "python", lambda self, member: self.name(member))
    monkeypatch.setattr(Members, "specs", lambda _, pythons, __: [spec(name) for name in pythons])
    return one


def spec(name, *, lacking=False):
    """The arm in the environment of this name, which may lack the path."""
    return Spec(
        plugin="fake.linear",
        phase="train",
        path="jit" if lacking else "eager",
        task="line",
        size="small",
        batch_size=4,
        threads=1,
        python=name,
    )


def checked(of, calls):
    """A check of errors that gives each member what `of` has, over what its precision explains."""

    def check(specs, *_):
        calls.append([one.python for one in specs])
        return [
            Fidelity(spec=one, deviations=(Deviation(what="outputs", error=of[one.python] * 1e-6, explained=1e-6),))
            if one.python in of
            else Fidelity(spec=one, reason="it computes no gradients")
            for one in specs
        ]

    return check


def test_the_member_whose_errors_leave_its_precision_is_found(members, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(fidelity, "check", checked({"1.0": 0.2, "1.1": 0.9, "1.2": 800.0, "1.3": 800.0}, calls))
    found = search(4, Errors(members, tmp_path, None), all_count=True)
    assert [(step.before, step.after, step.verdict) for step in found.steps] == [(1, 2, "confirmed")]
    assert found.steps[0].ratio.ratio == pytest.approx(800)
    done = len(calls)
    assert search(4, Errors(members, tmp_path, None), all_count=True) == found
    assert len(calls) == done


def test_errors_that_every_precision_explains_are_the_same(members, tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity, "check", checked({"1.0": 0.01, "1.3": 0.9}, []))
    assert search(4, Errors(members, tmp_path, None), all_count=True).status == "same"


def test_an_error_without_end_counts_and_one_that_nobody_knows_is_no_answer(members, tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity, "check", checked(dict(zip(NAMES, (1, 1, math.inf, math.inf), strict=True)), []))
    assert [step.after for step in search(4, Errors(members, tmp_path / "a", None), all_count=True).confirmed] == [2]
    monkeypatch.setattr(fidelity, "check", checked({"1.0": 1.0}, []))
    found = search(4, Errors(members, tmp_path / "b", None), all_count=True)
    assert (found.status, found.reason) == ("not measured", "1.3: its error is not known: it computes no gradients")


def test_a_used_budget_keeps_the_groups_so_far(members, tmp_path, monkeypatch):
    monkeypatch.setattr(fidelity, "check", checked(dict.fromkeys(NAMES, 1.0), []))
    search(4, Errors(members, tmp_path, None), all_count=True)
    kept = errors._read(tmp_path / "01-ends-1.3" / errors.ERRORS_FILE)
    assert len(kept) == 6
    found = search(4, Errors(members, tmp_path / "b", 0.0), all_count=True)
    assert (found.status, found.reason) == ("undecided", "the budget of 0 s is used")


def test_a_member_without_the_figure_is_named(monkeypatch):
    monkeypatch.setattr(groups, "METRICS", {"compile_time": SimpleNamespace(of=lambda run: run)})
    whole, none = dict.fromkeys(range(6), 1.0), {**dict.fromkeys(range(5)), 5: 0.0}
    assert groups.lacking({0: whole, 1: none}, "compile_time") == 1
    assert groups.lacking({0: whole, 1: {**none, 5: 2.0}}, "compile_time") is None
    assert groups.lacking({0: whole, 1: {1: None}}, "compile_time") is None


class Late(Quiet):
    """A listener at whose `number`th group the budget is used."""

    def __init__(self, number):
        self.trials, self.left = None, number

    def group_started(self, *_):
        self.left -= 1
        if not self.left:
            self.trials.begin -= 1e6


def test_a_budget_ends_a_trial_after_the_group_that_it_ends_in(members, tmp_path, monkeypatch):
    monkeypatch.setattr(Members, "python", lambda *_: sys.executable)
    late = members.listener = Late(2)
    late.trials = Trials(members, "step_time", tmp_path, 1e5)
    found = search(4, late.trials)
    assert (found.status, found.reason) == ("undecided", "the budget of 100000 s is used")
    (row,) = found.rows
    assert (row.verdict, row.to_old.groups) == ("undecided", 2)


def test_a_trial_ends_after_the_group_in_which_a_member_is_seen_not_to_run(members, tmp_path, monkeypatch):
    monkeypatch.setattr(Members, "python", lambda *_: sys.executable)
    monkeypatch.setattr(Members, "specs", lambda _, pythons, __: [spec(one, lacking=one == "1.3") for one in pythons])
    members.listener = Late(0)
    trials = Trials(members, "step_time", tmp_path, None)
    found = search(4, trials)
    assert (found.status, members.listener.left) == ("not measured", -1)
    assert found.reason.startswith("1.3: unsupported: ")
    assert trials.took[0, 3] > 0.0


def test_single_steps_are_timed_only_for_figures_that_read_them():
    asked = Policy()
    names = ("memory_peak", "latency_p50")
    of = {name: effort.policy(asked, name, 20, confirms=False, together=False) for name in names}
    assert of["memory_peak"].latency_seconds < of["latency_p50"].latency_seconds == asked.latency_seconds
    assert {one.isolation for one in of.values()} == {"fresh"}


def test_rounds_are_those_that_the_last_trial_made_worth_their_time():
    asked = Policy()
    of = {name: effort.policy(asked, name, 50, confirms=True, together=False) for name in ("step_time", "latency_p50")}
    assert (of["step_time"].samples, of["latency_p50"].samples) == (50, asked.samples)
