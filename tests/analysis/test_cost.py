"""Cost of a verdict: the seconds of the groups, by activity."""

from __future__ import annotations

import msgspec
import pytest
from cases import unsteady_by_the_machine
from example_runs import full_session
from schedules import POLICY, Children, Diary, plan, record
from scripted import ScriptedChild

from dlbench.analysis import cost
from dlbench.record.schema import PhaseTime
from dlbench.report import FORMATS, summarize
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed


def test_groups_cost_their_longest_arm_and_the_parts_are_of_all_processes():
    runs = unsteady_by_the_machine()
    found = cost.of(runs)
    assert (found.groups, found.seconds) == (7, pytest.approx(8.6 + 6.8 + 10.3 + 10.4 + 8.2 + 9.5 + 8.0, abs=0.4))
    assert set(found.parts) == {"warm-up", "steady", "rest"}
    assert sum(found.parts.values()) == pytest.approx(found.seconds)
    steady = sum(one.seconds for run in runs for one in run.samples if one.stage == "steady")
    assert found.parts["steady"] == pytest.approx(steady)


def test_pilots_come_on_top_of_their_group():
    first, *others = unsteady_by_the_machine()
    with_pilot = msgspec.structs.replace(first, times=(PhaseTime(phase="pilot", seconds=5.0),))
    plain, found = cost.of([first, *others]), cost.of([with_pilot, *others])
    assert found.seconds == pytest.approx(plain.seconds + 5)
    assert found.parts == {"pilot": 5.0, **plain.parts}


def test_times_that_overlap_leave_no_rest_below_nothing():
    runs = [msgspec.structs.replace(run, times=(PhaseTime(phase="start", seconds=99),)) for run in full_session()]
    assert cost.REST not in cost.of(runs).parts


def test_a_report_says_what_its_verdicts_took_and_so_does_its_json():
    report = summarize([run for run in full_session() if run.spec.phase == "train"])
    text = FORMATS["markdown"].render(report)
    assert "Seconds to a verdict: 5.00 in 5 groups. Of the processes together: import 35.0, build 25.4, " in text
    assert report.sections[0].cost.parts["build"] == pytest.approx(25.4), "with the first step"
    open_ = summarize([run for run in unsteady_by_the_machine() if run.group < 3])
    seconds = open_.sections[0].cost.seconds
    assert f"Seconds, with pairs still inconclusive: {seconds:.1f} in 3 groups." in FORMATS["markdown"].render(open_)
    alone = summarize([run for run in full_session() if run.spec.plugin == "tf.transformer"])
    assert {section.cost for section in alone.sections} == {None}


def test_a_session_records_what_its_pilots_and_the_start_of_its_processes_took(tmp_path):
    policy = msgspec.structs.replace(POLICY, discard=True)
    runs = record(plan(policy), tmp_path, Diary(), Children(lambda spec: ScriptedChild()), policy)
    assert isinstance(policy, Policy)
    phases = [[time.phase for time in run.times] for run in runs]
    assert [found.count("pilot") for found in phases] == [1, *[0] * (len(runs) - 1)], "of the first group, once"
    assert all(found.count("start") == 1 for found in phases)
    assert all(time.seconds >= 0 for run in runs for time in run.times)
