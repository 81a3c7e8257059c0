"""Races replayed from a pool, which grows with each call: a winner is confirmed in groups that its race did not use."""

import contextlib

import pytest
from races import child_of
from schedules import Children

from dlbench.api.tune import folders
from dlbench.record.reading import read_runs
from dlbench.stats.tuning.race import Exhausted
from studies.tune import collect
from studies.tune.collect import Cell, Pool
from studies.tune.replay import again, session

pytestmark = pytest.mark.untimed


def pool(fast: int, slow: int) -> Pool:
    """The second setting is faster by a fifth in the first groups, and slower in all others."""
    values = [-0.2 - 0.001 * (number % 3) for number in range(fast)] + [0.2 + 0.001 * (n % 3) for n in range(slow)]
    return Pool(["default", "other"], [0, 1], [[Cell(0.0, 1.0), Cell(value, 1.0)] for value in values])


def test_a_winner_is_confirmed_in_the_groups_that_are_left():
    assert again(pool(10, 10), 1, range(10)) == ("faster", 12.0)
    assert again(pool(10, 10), 1, range(10, 20)) == ("not faster", 12.0)


def test_too_few_groups_that_are_left_are_undecided_and_none_is_used_twice():
    assert again(pool(10, 0), 1, range(5)) == ("undecided", 10.0)
    assert again(pool(10, 0), 1, ()) == ("undecided", 0.0)


def test_a_session_gives_the_groups_of_its_race_to_no_confirmation():
    """Of seven groups a race takes two at least: the five that are left are too few for a verdict."""
    found = session(pool(7, 0), 0)
    assert (found.chosen, found.verdict) == (1, "undecided")


class Parts:
    """A deadline after so many parts of groups."""

    def __init__(self, parts):
        self.left = parts

    def require(self):
        """One part is begun."""
        if not self.left:
            raise Exhausted("the budget is used")
        self.left -= 1


def test_a_pool_grows_with_each_call_and_nothing_is_measured_twice(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(collect, "Starter", lambda: contextlib.nullcontext(Children(child_of)))
    monkeypatch.setattr(collect, "Deadline", Parts)
    monkeypatch.setattr(
        collect, "GRID", {"plugin": ("fake.linear",), "batch_size": (4, 8, 16, 64), "steps_per_call": (1, 4)}
    )
    counts = []
    for parts in (3, 4, 9):
        collect.collect(tmp_path, parts, 3)
        counts.append(len(collect.pool_of(tmp_path).groups))
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "the budget is used: 1 groups are whole; call again to go on"
    assert said[-1] == "done: 3 groups of 9 settings"
    assert counts == [1, 3, 3]
    measured = [(run.group, run.part, run.spec) for run in read_runs(tmp_path / folders.RACE / "runs.jsonl")]
    assert len(set(measured)) == len(measured) == 3 * (9 + 1)  # two parts, which share the default
