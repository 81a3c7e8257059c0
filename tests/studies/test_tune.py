"""Races replayed from a pool, which grows with each call: its draws, its parts, its cost."""

import contextlib
import math
import random
import statistics

import pytest
from races import child_of
from schedules import Children

from dlbench.api.tune import folders
from dlbench.record.reading import read_runs
from dlbench.stats.tuning.race import Exhausted
from studies.tune import collect
from studies.tune.collect import Cell, Pool
from studies.tune.readings import Readings
from studies.tune.replay import again, cost, session

pytestmark = pytest.mark.untimed


def pool(fast: int, slow: int) -> Pool:
    """The second setting is faster by a fifth in the first groups, and slower in all others."""
    values = [-0.2 - 0.001 * (number % 3) for number in range(fast)] + [0.2 + 0.001 * (n % 3) for n in range(slow)]
    return Pool(["default", "other"], [0, 1], [[Cell(0.0, 1.0), Cell(value, 1.0)] for value in values])


def test_a_winner_is_confirmed_in_groups_of_its_own():
    assert again(pool(10, 10), 1, range(10)) == ("faster", 8.0)
    assert again(pool(10, 10), 1, range(10, 20)) == ("not faster", 8.0)


def test_too_few_groups_are_undecided():
    assert again(pool(10, 0), 1, range(2)) == ("undecided", 6.0)


def test_a_session_is_the_same_for_the_same_seed():
    found = [session(pool(7, 0), Readings(pool(7, 0)), seed) for seed in (0, 0, 1)]
    assert found[0] == found[1]
    assert all((one.chosen, one.verdict, one.loss) == (1, "faster", 0.0) for one in found)


def test_first_processes_cost_what_forked_ones_do():
    """Four of their seconds were a fresh start."""
    groups = [[Cell(0.0, 6.0, 4.0), Cell(0.1, 7.0, 4.0)], [Cell(0.0, 2.0, 0.5), Cell(0.1, 3.0, 0.5)]]
    assert cost(Pool(["default", "other"], [0, 1], groups), 0, (0, 1)) == 2.5 + 3.5


def drawn_pool(own: float, shared: float) -> Pool:
    """Fifteen settings in two parts, each with a process of the default in each group."""
    draw, groups = random.Random(1), []
    for _ in range(60):
        late = {part: draw.gauss(0, shared) for part in (0, 1)}
        arms = [Cell(draw.gauss(0.1 * one, own) - late[one % 2], 1.0, 0.0, one % 2) for one in range(1, 15)]
        groups.append([Cell(0.0, 1.0), *arms])
    return Pool([str(one) for one in range(15)], [0] + [1] * 14, groups)


@pytest.mark.parametrize("shared", [0.0, 0.05, 0.5])
def test_settings_in_one_part_differ_by_their_own_processes_alone(shared):
    """Whatever the default did in the parts of the pool: two processes, and each spreads by 2 %."""
    made = drawn_pool(0.02, shared)
    readings = Readings(made)
    for pair in ((1, 2), (1, 3), (4, 7)):  # of different parts, and of one
        found = [readings.together(number, pair, 8)[pair[1]] for number in range(len(made.groups))]
        assert statistics.stdev(found) == pytest.approx(0.02 * math.sqrt(2), rel=0.3)


def test_the_leader_has_a_process_of_its_own_in_each_part():
    """Settings do not spread here, the default does: from the second part on its processes are the leader's."""
    made = drawn_pool(0.0, 0.05)
    readings, arms = Readings(made), list(range(1, 15))
    found = [readings.together(number, arms, 8) for number in range(len(made.groups))]
    assert statistics.stdev(group[arms[1]] for group in found) == pytest.approx(0.0, abs=1e-9)
    assert statistics.stdev(group[arms[-1]] for group in found) > 0.02


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
