"""The study of verdicts: its pool, its planting, other tools' rules against the tools, and replays of known truth."""

from __future__ import annotations

import copy
import math
from collections import Counter

import numpy as np
import pytest
from pytest_benchmark.utils import PercentageRegressionCheck
from scipy import stats as scipy_stats
from synthetic_pool import synthetic_pool

from dlbench.stats import decisions
from dlbench.stats.decisions import Paired
from dlbench.stats.interim import INTERIM_GROUPS
from studies.decision_quality import pool, replay, report, rules, thresholds
from studies.decision_quality.collect import Plan, due
from studies.decision_quality.planted import Planted
from studies.decision_quality.replay import ADAPTIVE, AGAIN, EQUAL_STEPS
from studies.decision_quality.workloads import SLOWDOWNS

pytestmark = [pytest.mark.untimed, pytest.mark.xdist_group("replays of a synthetic pool")]

SESSIONS = 120


@pytest.fixture(scope="module")
def batches():
    return synthetic_pool(60)


@pytest.fixture(scope="module")
def cells(batches):
    return replay.Cells(replay.replay(batches, SESSIONS))


def test_a_pool_grows_and_is_read_back_without_what_a_kill_left(tmp_path, batches):
    path = tmp_path / "pool.jsonl.gz"
    pool.append(path, batches[:3])
    torn = path.read_bytes()[:-20]
    path.write_bytes(torn)
    assert pool.read(path) == batches[:2]
    pool.append(path, batches[3:5])
    assert pool.read(path) == [*batches[:2], *batches[3:5]]


class Steps:
    """An arm that remembers the number of steps of each turn."""

    alive, turns, steps = True, 3, 137

    def __init__(self):
        self.taken = []

    def settle(self, *, in_turns=False):
        pass

    def turn(self, round_number, turn):
        self.taken.append(self.steps)


@pytest.mark.parametrize("name", SLOWDOWNS)
def test_a_slowdown_is_executed_to_the_step(name):
    arm = Steps()
    planted = Planted(name, SLOWDOWNS[name], arm, 0.0)
    planted.settle()
    planted.turn(0, 0)
    assert planted.steps == 137
    assert planted.nominal == 200
    assert arm.taken == [planted.executed]
    assert planted.executed / planted.nominal - 1 == pytest.approx(SLOWDOWNS[name])


def test_the_workload_with_the_fewest_batches_is_due_if_it_fits():
    numbers = {("gemm", "lockstep"): 2, ("gemm", "sequential"): 1, ("two modes", "lockstep"): 1}
    plan = Plan(["gemm", "two modes"], 9.0)
    assert due(numbers, plan, {}, 9.0) == ("two modes", "sequential")
    assert due(numbers, plan, {("two modes", "sequential"): 10.0}, 9.0) == ("gemm", "sequential")
    assert due(numbers, plan, {}, 0.0) is None
    assert due(numbers, Plan(["gemm", "two modes"], 9.0, kinds=["lockstep"]), {}, 9.0) == ("two modes", "lockstep")


def sides(seed, n, shift=0.03, spread=0.02):
    random = np.random.default_rng(seed)
    return 2e-4 * np.exp(random.normal(0, spread, n)), 2e-4 * np.exp(random.normal(shift, spread, n))


@pytest.mark.parametrize("seed", range(20))
def test_the_rules_of_other_tools_say_what_the_tools_say(seed):
    import torch
    from torch.utils.benchmark import Measurement
    from torch.utils.benchmark.utils.common import TaskSpec, trim_sigfig

    before, after = sides(seed, 5 + seed)
    for name in ("mean", "median", "min"):
        of = getattr(np, name)
        fails = PercentageRegressionCheck(name, 5).fails({name: of(after)}, {name: of(before)})
        assert rules.compare_fail(of)(before, after).verdict == ("slower" if fails else "same")
    pooled = scipy_stats.ttest_ind(after, before)
    assert rules.pyperf(before, after).score == pytest.approx(pooled.statistic)
    assert (rules.pyperf(before, after).verdict != "same") == (pooled.pvalue <= 0.05)
    measured = [Measurement(1, list(side), TaskSpec("", "")) for side in (before, after)]
    figures = min(one.significant_figures for one in measured)
    printed = [trim_sigfig(one.median, figures) for one in measured]
    difference = printed[1] / printed[0] - 1
    expected = "same" if abs(difference) < 1e-6 else "slower" if difference > 0 else "faster"
    warned = any(one.has_warnings for one in measured)
    assert rules.torch_compare(before, after).verdict == ("inconclusive" if warned else expected)
    assert [rules._significant_figures(side) for side in (before, after)] == [m.significant_figures for m in measured]
    low, high = torch.tensor(before).quantile(0.75), torch.tensor(after).quantile(0.25)
    assert (rules.torch_ranges(before, after).verdict == "slower") == bool(high > low)


def test_asv_takes_a_large_change_and_many_samples():
    assert rules.asv(*sides(1, 10, 0.12)).verdict == "slower"
    assert rules.asv(*sides(1, 10, -0.12)).verdict == "faster"
    assert rules.asv(*sides(1, 10, 0.08)).verdict == "same"  # below its factor of 1.1
    assert rules.asv(*sides(1, 10, 0.12, spread=0.2)).verdict == "same"  # above, but the ranks do not tell
    assert rules.asv(*sides(1, 5, 0.5)).verdict == "same"  # too few samples to tell anything


def test_a_session_stops_at_a_look_or_with_its_budget():
    narrow, wide, seconds = [0.001, -0.001] * 30, [0.1, -0.1] * 30, [1.0] * 60
    assert rules.groups_used(narrow, seconds) == 6
    assert rules.groups_used(wide, seconds) == INTERIM_GROUPS[-1]
    assert rules.groups_used(wide, [50.0] * 60) == 3
    assert rules.groups_used(wide[:9], seconds[:9]) == 9


def test_dlbench_is_right_where_processes_differ_by_a_fifth(cells):
    null, equal, effect = (cells.of(ADAPTIVE, "gemm", arm) for arm in (AGAIN, EQUAL_STEPS, "3%"))
    assert null.share("slower", "faster") <= 0.01
    assert equal.share("slower", "faster") <= 0.02
    assert equal.coverage >= 0.90
    assert effect.share("slower") >= 0.90
    assert cells.of(ADAPTIVE, "gemm", "10%").share("same") == 0.0


def test_tools_that_measure_one_after_the_other_raise_alarms_there(cells):
    for rule in ("pytest-benchmark median:5%", "pyperf compare_to", "torch Compare, printed figures, as shipped"):
        assert cells.of(rule, "gemm", AGAIN).share("slower", "faster") > 0.10


def test_they_get_the_time_of_our_session(cells):
    ours = cells.of(ADAPTIVE, "gemm", "3%").cost
    for peer in rules.PEERS:
        assert ours * 0.7 < cells.of(peer.name, "gemm", "3%").cost <= ours


def test_rounds_pooled_over_groups_raise_alarms(batches):
    """The study tells a rule that takes samples for processes from dlbench's own."""
    random = np.random.default_rng(1)
    groups = [batch for batch in synthetic_pool(60, pair=0.03) if batch.kind == "lockstep"]
    rounds = [
        [math.log(b / a) for a, b in zip(*(taken.nanoseconds for taken in batch.processes[:2]), strict=True)]
        for batch in groups
    ]
    alarms = {"pooled": 0, "by group": 0}
    for _ in range(SESSIONS):
        drawn = [rounds[at] for at in random.choice(len(rounds), 5, replace=False)]
        alarms["pooled"] += decisions.p_differs(Paired([value for group in drawn for value in group])) <= 0.05
        alarms["by group"] += rules.dlbench([float(np.median(group)) for group in drawn]) in ("slower", "faster")
    assert alarms["pooled"] > 0.10 * SESSIONS
    assert alarms["by group"] <= 0.02 * SESSIONS


def test_thresholds_are_moved_to_equal_alarms_and_equal_power():
    null, effect = [float(value) for value in range(100)], [float(value) for value in range(50, 150)]
    assert thresholds.power_at(null, effect, 0.0) == pytest.approx(0.50)
    assert thresholds.power_at(null, effect, 0.10) == pytest.approx(0.60)
    assert thresholds.alarms_at(null, effect, 0.50) == pytest.approx(0.0)
    assert thresholds.alarms_at(null, effect, 0.60) == pytest.approx(0.10)


def test_the_report_names_goals_met_and_missed(batches, cells):
    text = report.render({"quiet": (batches, cells)}, "the command", SESSIONS)
    assert ", met" in text
    missed = replay.Cells(replay.replay(synthetic_pool(140, pair=0.06), 20))
    assert "**missed**" in report.render({"busy": (batches, missed)}, "the command", 20)


@pytest.mark.parametrize(("arm", "column"), [("3%", "`same` at 3%"), ("5%", "`same` at 5%"), ("10%", "`same` at 5%")])
def test_a_slowdown_called_the_same_is_counted(batches, cells, arm, column):
    changed = copy.deepcopy(cells)
    (load,) = changed.workloads
    changed.of(ADAPTIVE, load, arm).said = Counter(same=1, slower=3)
    assert goal(batches, changed, column).partition(",")[0] == "25.0 %"


def test_sessions_are_held_to_the_seconds_of_their_program(batches, cells):
    (load,) = cells.workloads
    limits = report.QUIET.seconds
    assert {limits["gemm"], limits["torch mlp, 2 threads"], limits["tf lstm jit"]} == {60.0, 90.0, 120.0}
    assert f"goal {report.QUIET.within(load):.0f} s at most" in goal(batches, cells, "Cost at 3%")


@pytest.mark.parametrize(("share", "outcome"), [(0.99, "met"), (1.01, "**missed**")])
def test_a_session_that_takes_longer_has_missed_its_goal(batches, cells, share, outcome):
    changed = copy.deepcopy(cells)
    (load,) = changed.workloads
    cell = changed.of(ADAPTIVE, load, "3%")
    cell.seconds = [share * report.QUIET.within(load)] * len(cell.seconds)
    assert goal(batches, changed, "Cost at 3%").endswith(f", {outcome}")


def goal(batches, cells, column):
    """The cell of a column in the table of goals, which is the first."""
    lines = report.render({"quiet": (batches, cells)}, "the command", SESSIONS).splitlines()
    head = next(line for line in lines if "False alarms, goal" in line).split("|")
    row = next(line for line in lines if line.startswith(f"| {cells.workloads[0]} |")).split("|")
    return next(cell for name, cell in zip(head, row, strict=True) if name.strip().startswith(column)).strip()


def test_a_pool_of_a_session_or_two_decides_no_goal():
    few = synthetic_pool(8)
    text = report.render({"busy": (few, replay.Cells(replay.replay(few, 20)))}, "the command", 20)
    assert "undecided" in text
    assert ", met" not in text
    assert "the pool holds too few sessions" in text
