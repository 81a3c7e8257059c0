"""A/A controls: equal programs that are told apart take every verdict with them."""

from __future__ import annotations

import msgspec
import pytest
from example_runs import spec
from schedules import Children, Diary, record
from scripted import ScriptedChild

from dlbench.analysis import control, gate, judge
from dlbench.analysis.gate import GateRequest
from dlbench.report import FORMATS, summarize
from dlbench.session import plan
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed
POLICY = Policy(processes=5, samples=4, latency_steps=1)
ASKED = GateRequest(conditions=gate.parse(["slower:2%", "counts"]))


def measured(folder, worse=1.0):
    """A gated session of two plugins, the control of the baseline slower by a factor; the Specs planned, the Runs."""
    specs = plan.expand({"plugin": ["fake.linear", "twin.linear"], "phase": ["train"]}, POLICY)
    children = Children(lambda spec: ScriptedChild(step_seconds=by_plugin(spec)))
    groups = plan.groups(specs, POLICY, plan.controlled(specs))
    runs = record(groups, folder, Diary(), children, POLICY)
    return specs, [slower(run, worse) if run.control else run for run in runs]


def slower(run, factor):
    samples = (msgspec.structs.replace(sample, seconds=sample.seconds * factor) for sample in run.samples)
    return msgspec.structs.replace(run, samples=tuple(samples))


def by_plugin(spec):
    return 0.003 if spec.plugin == "twin.linear" else 0.002


def test_the_first_arm_of_each_timed_workload_gets_a_control():
    both = ["fake.linear", "twin.linear"]
    phases = ["train", "predict", "converge"]
    specs = [spec(plugin, phase) for phase in phases for plugin in both]
    controls = plan.controlled(specs)
    assert [(one.plugin, one.phase) for one in controls] == [
        ("fake.linear", "train"),
        ("fake.linear", "predict"),
    ]
    assert [one.control for one in plan.members(specs, controls)[:3]] == [False, True, False]


def test_a_session_that_cannot_tell_equal_arms_apart_gives_verdicts(tmp_path):
    specs, runs = measured(tmp_path)
    judged = judge.session(specs, runs, ASKED)
    assert [(one.condition, one.result) for one in judged.outcomes] == [
        ("slower:2%", "regression"),
        ("counts", "passed"),
    ]
    report = summarize(runs, (), judged.gate)
    assert [one.verdict for one in report.sections[0].comparisons] == ["slower"]
    assert [arm.label for arm in report.sections[0].arms] == ["fake.linear eager", "twin.linear eager"]
    text = FORMATS["markdown"].render(report)
    assert "A/A control: ratio 1.00 (1.00–1.00) of two equal arms (train, fake.linear eager): same" in text
    assert "(twin)" not in text


def test_a_session_that_tells_equal_arms_apart_gives_none(tmp_path):
    specs, runs = measured(tmp_path, worse=1.05)
    judged = judge.session(specs, runs, ASKED)
    timed, counted = judged.outcomes
    assert timed.result == "underpowered"
    assert "the A/A control told equal programs apart (train, fake.linear eager: " in timed.reason
    assert "1.05" in timed.reason
    assert counted.result == "passed"
    assert gate.exit_code(judged.outcomes, strict=False) == 3
    report = summarize(runs, (), judged.gate)
    assert [one.verdict for one in report.sections[0].comparisons] == ["inconclusive"]
    assert "told apart, so every comparison of this session is inconclusive" in FORMATS["markdown"].render(report)


def test_a_twin_that_ran_once_checks_nothing(tmp_path):
    specs, runs = measured(tmp_path)
    crashed = {"status": "crashed", "reason": "SIGSEGV", "samples": ()}
    once = [msgspec.structs.replace(run, **crashed) if run.control and run.group else run for run in runs]
    judged = judge.session(specs, once, ASKED)
    assert "has no A/A control (Step time, median): its control did not run beside it twice" in judged.refused


def test_a_report_with_a_control_that_was_told_apart_is_compared_without_verdicts(tmp_path):
    _, good = measured(tmp_path / "a")
    _, bad = measured(tmp_path / "b", worse=1.05)
    asked = GateRequest(gate.parse(["slower:2%"]), allow=["session", "machine"])
    bad = [msgspec.structs.replace(run, session="t") for run in bad]
    answer = judge.reports(("a", "b"), good, bad, asked)
    assert {one.result for one in answer.outcomes} == {"underpowered"}
    assert {row.comparison.verdict for row in answer.comparisons} == {"inconclusive"}
    assert len(answer.outcomes) == 2, "a twin is no result"


def larger_twins(runs):
    """The same Runs, every twin with a quarter more memory than the arm that it repeats."""

    def larger(mark):
        return msgspec.structs.replace(mark, peak_bytes=mark.peak_bytes + 10 * (mark.phase == "train"))

    return [msgspec.structs.replace(run, memory=tuple(map(larger, run.memory))) if run.control else run for run in runs]


def test_a_control_of_memory_stands_against_a_gate_on_memory_and_the_verdicts_beside_it(tmp_path):
    specs, runs = measured(tmp_path / "a")
    runs, asked = larger_twins(runs), GateRequest(gate.parse(["memory:5%"]), allow=["session", "machine"])
    judged = judge.session(specs, runs, asked)
    assert [one.result for one in judged.outcomes] == ["underpowered"]
    report = summarize(runs, (), judged.gate)
    assert [one.verdict for one in report.sections[0].comparisons] == ["inconclusive"]
    text = FORMATS["markdown"].render(report)
    assert "of two equal arms (train, fake.linear eager, peak memory above import): told apart" in text
    assert [one.verdict for one in summarize(runs).sections[0].comparisons] == ["slower"], "no gate looked at memory"
    _, other = measured(tmp_path / "b")
    other = [msgspec.structs.replace(run, session="t") for run in other]
    for sides in ((runs, other), (other, runs)):
        answer = judge.reports(("a", "b"), *sides, asked)
        assert {one.result for one in answer.outcomes} == {"underpowered"}


def test_every_gated_metric_needs_a_control_of_its_own(tmp_path):
    specs, runs = measured(tmp_path)
    runs = [msgspec.structs.replace(run, memory=()) if run.control else run for run in runs]
    asked = GateRequest(gate.parse(["slower:2%", "memory:5%"]))
    said = judge.session(specs, runs, asked).refused
    assert said.startswith("train, fake.linear eager has no A/A control (Peak memory above import): its control")
    assert "memory may not hold both" in said
    assert judge.session(specs, runs, GateRequest(gate.parse(["slower:2%"]))).refused == ""


def test_without_a_control_there_is_no_gate_on_time(tmp_path):
    specs, runs = measured(tmp_path)
    alone = control.without_controls(runs)
    assert "train, fake.linear eager has no A/A control" in judge.session(specs, alone, ASKED).refused
    assert judge.session(specs, alone, GateRequest(conditions=gate.parse(["counts"]))).refused == ""
