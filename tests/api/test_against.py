"""`dlbench run --against REPORT`: measured now, compared with a saved report, gated like two reports."""

from __future__ import annotations

import json

import msgspec
import pytest
from command import short
from sessions import saved, session

from dlbench.analysis import gate, judge
from dlbench.analysis.gate import GateRequest
from dlbench.api.judge import BaselineReport
from dlbench.errors import RecordError, SpecError
from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

SHARED = pytest.mark.xdist_group("a session to compare with")
PLAN = ("--plugin", "fake.linear", "--phase", "predict", "--processes", "4", "--threads", "1", "--cold")


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """A real session of one plugin, and copies of it that took less memory or ran on another machine."""
    folder = tmp_path_factory.mktemp("before")
    done = short("run", *PLAN, "--out", "same", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    runs = read_runs(folder / "same" / "runs.jsonl")
    # Memory, because a machine that is busy enough takes any verdict on step times away.
    saved(folder / "lean", [_with_less_memory(run, 100) for run in runs])
    other = msgspec.structs.replace(runs[0].environment, cpu="Another CPU")
    saved(folder / "elsewhere", [msgspec.structs.replace(run, environment=other) for run in runs])
    return folder


def _with_less_memory(run, times):
    def less(mark):
        peak, resident = mark.peak_bytes // times, mark.resident_bytes // times
        return msgspec.structs.replace(mark, peak_bytes=peak, resident_bytes=resident)

    return msgspec.structs.replace(run, memory=tuple(map(less, run.memory)))


@SHARED
def test_what_is_measured_now_is_gated_against_what_was_saved(before, tmp_path):
    arguments = ("--against", str(before / "lean"), "--fail-on", "memory:900%,counts", "--allow", "session")
    done = short("run", *PLAN, *arguments, "--out", "out", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "regression of memory:900%" in done.stdout
    assert "cross-session" in done.stdout
    kept = json.loads((tmp_path / "out" / "comparison.json").read_text())
    assert {one["condition"]: one["result"] for one in kept["outcomes"]} == {
        "memory:900%": "regression",
        "counts": "passed",
    }
    assert (tmp_path / "out" / "report.md").exists()


@SHARED
def test_what_the_budget_left_out_cannot_pass(before, tmp_path):
    runs = read_runs(before / "same" / "runs.jsonl")
    trained = [msgspec.structs.replace(run, spec=msgspec.structs.replace(run.spec, phase="train")) for run in runs]
    both = saved(tmp_path / "both", [*trained, *runs])
    plan = ("--phase", "train,predict", "--budget", "0.01", *PLAN[:2], *PLAN[4:])
    done = short("run", *plan, "--against", str(both), "--fail-on", "counts", "--out", "out", cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    said = "predict, fake.linear eager did not run in the candidate (the session ended before it)"
    assert f"dlbench: not gated: {said}" in done.stderr.splitlines()[-1]


@SHARED
def test_nothing_is_measured_for_a_report_of_another_machine(before, tmp_path):
    arguments = ("--against", str(before / "elsewhere"), "--fail-on", "counts")
    done = short("run", *PLAN, *arguments, "--out", "out", cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("dlbench: another machine (Another CPU")
    assert not (tmp_path / "out").exists()


@SHARED
def test_nothing_is_measured_for_a_report_without_a_common_spec_or_a_gate_without_a_history(before, tmp_path):
    other = [*PLAN[:2], "--phase", "train", *PLAN[4:]]
    done = short("run", *other, "--against", str(before / "same"), cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the nearest differ in phase ('predict' against 'train'); measure the same phase on both" in done.stderr
    done = short("run", *PLAN, "--against", str(before / "same"), "--fail-on", "slower:2%", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "give --history" in done.stderr
    assert list(tmp_path.iterdir()) == []


HERE = ["machine"]
"""Words of `--allow` with which invented reports can be compared with this machine."""


def test_what_can_be_known_before_measuring_is():
    runs = session("a")
    spec = runs[0].spec
    BaselineReport("a", runs).check([spec], GateRequest(gate.parse(["counts"]), HERE))
    BaselineReport("a", runs).check([spec], GateRequest(gate.parse(["slower:2%"]), allow=["session", *HERE]))
    with pytest.raises(SpecError, match="two sessions"):
        BaselineReport("a", runs).check([spec], GateRequest(gate.parse(["slower:2%"]), HERE))
    history = [run for name in "bcd" for run in session(name)]
    BaselineReport("a", runs).check([spec], GateRequest(gate.parse(["slower:2%"]), HERE, history))
    with pytest.raises(SpecError, match="at least 3 sessions of unchanged code besides these"):
        BaselineReport("b", session("b")).check([spec], GateRequest(gate.parse(["slower:2%"]), HERE, history))
    other = msgspec.structs.replace(spec, batch_size=7)
    with pytest.raises(RecordError, match="--allow batch_size"):
        BaselineReport("a", runs).check([other], GateRequest())
    BaselineReport("a", runs).check([other], GateRequest(allow=["batch_size", *HERE]))
    with pytest.raises(RecordError, match=r"another machine .Example CPU.*give --allow machine"):
        BaselineReport("a", runs).check([spec], GateRequest())
    with pytest.raises(RecordError, match="BASELINE holds no Run that ended well"):
        BaselineReport("a", [msgspec.structs.replace(run, status="error") for run in runs]).check([spec], GateRequest())


def test_what_ran_before_and_fails_now_cannot_pass():
    before, after = session("a"), session("b")
    crashed = msgspec.structs.replace(before[0].spec, phase="predict")
    before += session("a", of=crashed)
    after += [msgspec.structs.replace(run, status="crashed", reason="SIGSEGV") for run in session("b", of=crashed)]
    asked = GateRequest(gate.parse(["slower:30%"]), allow=["session"])
    said = judge.reports(("a", "b"), before, after, asked)
    assert said.refused == "predict, tf.transformer jit did not run in the candidate (crashed: SIGSEGV)"
    assert judge.reports(("a", "b"), before, after, GateRequest()).refused == ""
    assert judge.reports(("a", "b"), before, after[:5], asked).refused == ""


def test_what_was_planned_and_never_ran_cannot_pass():
    """By its own Spec, or by the one that --allow compares it with."""
    before, after = session("a"), session("b")
    other = msgspec.structs.replace(before[0].spec, phase="predict")
    before += session("a", of=other)
    renamed = msgspec.structs.replace(other, batch_size=7)
    for spec, allow in ((other, ["session"]), (renamed, ["session", "batch_size"])):
        asked = GateRequest(gate.parse(["counts"]), allow=allow)
        said = judge.reports(("a", "b"), before, after, asked, plan_of(after[0].spec, spec))
        assert said.refused == (
            "predict, tf.transformer jit did not run in the candidate (the session ended before it)"
        )
        assert judge.reports(("a", "b"), before, after, asked, plan_of(after[0].spec)).refused == ""


def plan_of(*specs, controls=()):
    return Plan(session="b", specs=specs, policy=Policy(), controls=controls)


def test_a_control_that_was_planned_must_have_run():
    before, after = session("a"), session("b")
    asked = GateRequest(gate.parse(["slower:30%"]), allow=["session"])
    planned = plan_of(after[0].spec, controls=(after[0].spec,))
    controls = [msgspec.structs.replace(run, control=True) for run in session("b", seed=1)]
    alone = judge.reports(("a", "b"), before, after, asked, planned)
    assert alone.refused.startswith("train, tf.transformer jit has no A/A control (Step time, median): its control")
    both = judge.reports(("a", "b"), before, [*after, *controls], asked, planned)
    assert both.refused == ""
