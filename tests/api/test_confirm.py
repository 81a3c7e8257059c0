"""Confirmation: a regression that recurs fails the gate; one that does not is inconclusive and says why."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
import pytest
from schedules import Children, Diary, record
from scripted import BUILT, ScriptedChild
from sessions import saved, session

from dlbench.analysis import gate, judge
from dlbench.analysis.gate import GateRequest
from dlbench.api import confirm, measuring, render
from dlbench.api import run as commands
from dlbench.errors import DlbenchError
from dlbench.record import journal
from dlbench.record.schema import Plan
from dlbench.session import plan
from dlbench.session.listener import Quiet
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed
POLICY = Policy(processes=5, samples=4, latency_steps=1)
ASKED = GateRequest(conditions=gate.parse(["slower:2%"]), confirm=True)
SLOW, ALIKE = {"twin.linear": 0.003}, {}


class Machine:
    """Measures plans with scripted children whose steps last as long as `times` states for their plugin, else 2 ms."""

    def __init__(self, folder, times):
        self.folder, self.times, self.plans, self.groups = folder, times, [], []

    def __call__(self, planned, groups=None):
        groups = groups or plan.groups(planned.specs, planned.policy, planned.controls)
        self.plans.append(planned)
        self.groups.append(groups)
        children = Children(lambda spec: ScriptedChild(step_seconds=self.times.get(spec.plugin, 0.002)))
        folder = self.folder / str(len(self.plans))
        return record(groups, folder, Diary(), children, planned.policy)


class Changed(Machine):
    """Steps of 2 ms, with `change` applied to every Run."""

    def __init__(self, folder, change):
        super().__init__(folder, {})
        self.change = change

    def __call__(self, planned, groups):
        return [self.change(run) for run in super().__call__(planned, groups)]


@pytest.fixture
def planned():
    specs = plan.expand({"plugin": ["fake.linear", "twin.linear"], "phase": ["train", "predict"]}, POLICY)
    return Plan(session="s", specs=tuple(specs), controls=plan.controlled(specs), policy=POLICY)


def judged(planned, folder):
    return judge.session(planned.specs, Machine(folder, SLOW)(planned), ASKED)


def test_a_change_that_is_seen_twice_fails_the_gate(planned, tmp_path):
    again = Machine(tmp_path / "again", SLOW)
    found = confirm.of_session(judged(planned, tmp_path / "first"), planned, ASKED, again)
    assert {one.result for one in found.outcomes} == {"regression"}
    assert {one.reason for one in found.outcomes} == {"confirmed: measured again, the ratio is 1.5"}


def test_a_change_that_is_not_seen_again_is_inconclusive(planned, tmp_path):
    again = Machine(tmp_path / "again", ALIKE)
    found = confirm.of_session(judged(planned, tmp_path / "first"), planned, ASKED, again)
    assert {(one.result, one.reason) for one in found.outcomes} == {
        ("inconclusive", "not confirmed: measured again, the ratio is 1: passed")
    }
    assert gate.exit_code(found.outcomes, strict=False) == 0
    assert gate.exit_code(found.outcomes, strict=True) == 3


def test_a_second_measuring_too_weak_to_show_it_is_no_acquittal(planned, tmp_path):
    def scattered(run):
        factor = 1.3 if run.group % 2 and run.spec.plugin == "twin.linear" else 1.0
        samples = [msgspec.structs.replace(one, seconds=one.seconds * factor) for one in run.samples]
        return msgspec.structs.replace(run, samples=tuple(samples))

    found = confirm.of_session(
        judged(planned, tmp_path / "first"), planned, ASKED, Changed(tmp_path / "again", scattered)
    )
    assert {one.result for one in found.outcomes} == {"underpowered"}
    assert gate.exit_code(found.outcomes, strict=False) == 3


def test_it_is_measured_in_reversed_order_in_a_session_of_its_own_with_its_control(planned, tmp_path):
    again = Machine(tmp_path / "again", SLOW)
    confirm.of_session(judged(planned, tmp_path / "first"), planned, ASKED, again)
    (second,) = again.plans
    assert second.specs == planned.specs
    for first in plan.groups(planned.specs, POLICY, planned.controls):
        mate = next(one for one in again.groups[0] if (one.number, set(one.specs)) == (first.number, set(first.specs)))
        assert mate.members == tuple(reversed(first.members))
    assert (second.session != planned.session, second.policy) == (True, planned.policy)


def test_only_what_was_flagged_is_measured_again(planned, tmp_path):
    found = judged(planned, tmp_path / "first")
    train, predict = found.outcomes
    passed = msgspec.structs.replace(predict, result="passed")
    again = Machine(tmp_path / "again", SLOW)
    confirm.of_session(msgspec.structs.replace(found, outcomes=(train, passed)), planned, ASKED, again)
    assert {spec.phase for spec in again.plans[0].specs} == {train.specs[0].phase}
    nothing = msgspec.structs.replace(found, outcomes=(passed,))
    assert confirm.of_session(nothing, planned, ASKED, Machine(tmp_path, {})) is nothing


def stands(planned, folder, again):
    """Outcomes of a session's regressions after they are measured again like this; they fail the gate."""
    found = confirm.of_session(judged(planned, folder / "first"), planned, ASKED, again)
    assert gate.exit_code(found.outcomes, strict=False) == 1
    (reason,) = {one.reason for one in found.outcomes if one.result == "regression"}
    assert reason.startswith("stands: measured again without an answer (")
    return reason


def test_a_regression_stands_where_the_second_measuring_gives_no_answer(planned, tmp_path):
    def crashing(run):
        crashed = {"status": "crashed", "reason": "SIGSEGV"}
        return msgspec.structs.replace(run, **crashed) if run.spec.plugin == "twin.linear" else run

    def unsteady(run):
        return msgspec.structs.replace(run, flags=("unstable",)) if run.spec == planned.specs[1] else run

    def noisy(run):
        return _slower(run) if run.control else run

    def nothing(planned, groups):
        raise DlbenchError("nothing was measured")

    assert "twin.linear eager did not run (crashed: SIGSEGV)" in stands(
        planned, tmp_path / "a", Changed(tmp_path / "crashed", crashing)
    )
    assert "did not run (3 of 5 processes: crashed: SIGSEGV)" in stands(
        planned, tmp_path / "e", Changed(tmp_path / "partly", lambda run: crashing(run) if run.group > 1 else run)
    )
    assert "has no step time" in stands(planned, tmp_path / "b", Changed(tmp_path / "unsteady", unsteady))
    assert "told equal programs apart" in stands(planned, tmp_path / "c", Changed(tmp_path / "noisy", noisy))
    assert "(nothing was measured)" in stands(planned, tmp_path / "d", nothing)


def _slower(run):
    samples = [msgspec.structs.replace(one, seconds=one.seconds * 1.5) for one in run.samples]
    return msgspec.structs.replace(run, samples=tuple(samples))


def test_the_report_is_on_the_disk_before_anything_is_measured_again(planned, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    Machine(tmp_path, SLOW)(planned)
    monkeypatch.setattr(confirm, "of_session", interrupted)
    folder = tmp_path / "1"
    options = SimpleNamespace(
        folder=folder, formats=["markdown"], quiet=True, question=ASKED, against=None, parity=False, again=""
    )
    with journal.resume(folder) as book, pytest.raises(KeyboardInterrupt):
        commands._conclude(options, book, commands.Proven([]), Quiet(), lambda *_: [])
    assert "slower:2%: 0 of 2 passed" in (folder / "report.md").read_text()
    assert len(render.kept(folder).outcomes) == 2


def test_an_earlier_confirmation_is_in_nobodys_way(planned, tmp_path, monkeypatch):
    """It may have been interrupted: its folder is left alone and measured is in the next."""
    monkeypatch.setattr(measuring.schedule, "record", lambda groups, book, *_: book.folder)
    measure = measuring.measure_in(tmp_path, Quiet())
    for name in ("confirmation", "confirmation-2", "confirmation-3"):
        assert measure(planned, []) == tmp_path / name
        (tmp_path / name).mkdir()
        (tmp_path / name / "runs.jsonl").write_text("")


def reports(folder, change, **environment):
    """Two saved sessions: a plugin, and the same with `change` applied, 50 % slower."""
    before = [one for one in Machine(folder / "a", {})(_alone("fake.linear")) if not one.control]
    after = Machine(folder / "b", SLOW)(_alone("twin.linear"))
    at = msgspec.structs.replace(BUILT.environment, **environment)
    after = [msgspec.structs.replace(one, session="t", spec=change(one.spec), environment=at) for one in after]
    return before, after


def _alone(plugin):
    specs = plan.expand({"plugin": [plugin], "phase": ["train"]}, POLICY)
    return Plan(session="s", specs=tuple(specs), policy=POLICY)


def confirmed(folder, change, allow, times, **environment):
    asked = GateRequest(gate.parse(["slower:2%"]), allow=[*allow, "session", "machine"], confirm=True)
    before, after = reports(folder, change, **environment)
    answer = judge.reports(("a", "b"), before, after, asked)
    assert answer.exit_code == 1
    again = Machine(folder / "again", times)
    return confirm.of_reports(answer, [*before, *after], asked, again), again


def same(spec):
    return msgspec.structs.replace(spec, plugin="fake.linear")


def test_reports_of_two_specs_are_measured_again_side_by_side(tmp_path):
    answer, again = confirmed(tmp_path, lambda spec: spec, ["plugin"], SLOW)
    (found,) = answer.outcomes
    assert (found.result, answer.exit_code) == ("regression", 1)
    assert "confirmed" in found.reason
    assert [one.control for one in again.groups[0][0].members] == [False, True, False]
    answer, _ = confirmed(tmp_path / "alike", lambda spec: spec, ["plugin"], ALIKE)
    assert (answer.outcomes[0].result, answer.exit_code) == ("inconclusive", 0)


def test_every_flagged_pair_of_two_reports_is_measured_again_against_its_own_baseline(tmp_path):
    """Eager in one report and jit in the other: all four are one workload."""
    plugins = ("fake.linear", "twin.linear")
    eager = [one for name in plugins for one in Machine(tmp_path / "a" / name, {})(_alone(name))]
    jit = [
        one for name in plugins for one in Machine(tmp_path / "b" / name, dict.fromkeys(plugins, 0.003))(_alone(name))
    ]
    jit = [msgspec.structs.replace(one, session="t", spec=msgspec.structs.replace(one.spec, path="jit")) for one in jit]
    asked = GateRequest(gate.parse(["slower:2%"]), allow=["path", "session", "machine"], confirm=True)
    answer = judge.reports(("a", "b"), eager, jit, asked)
    assert [one.result for one in answer.outcomes] == ["regression", "regression"]

    def jit_is_slower(run):
        return _slower(run) if run.spec.path == "jit" else run

    again = confirm.of_reports(answer, [*eager, *jit], asked, Changed(tmp_path / "again", jit_is_slower))
    assert [one.reason for one in again.outcomes] == ["confirmed: measured again, the ratio is 1.5"] * 2
    assert again.exit_code == 1


@pytest.mark.parametrize(
    ("change", "allow", "text"),
    [
        (same, [], "the code of the baseline's session is not here"),
        (lambda spec: msgspec.structs.replace(spec, batch_size=7), ["plugin", "batch_size"], "cannot take turns"),
        (lambda spec: msgspec.structs.replace(spec, python="head"), ["plugin", "python"], "environments"),
    ],
)
def test_what_cannot_be_measured_again_here_stands(change, allow, text, tmp_path):
    answer, again = confirmed(tmp_path, change, allow, SLOW)
    (found,) = answer.outcomes
    assert (found.result, answer.exit_code, again.plans) == ("regression", 1, [])
    assert found.reason.startswith("stands, unconfirmed: ")
    assert text in found.reason


def test_another_version_here_confirms_nothing(tmp_path):
    answer, _ = confirmed(tmp_path, lambda spec: spec, ["plugin"], ALIKE, packages={"torch": "1.0"})
    assert answer.exit_code == 1
    assert (
        "other conditions than in the reports: versions differ: torch 1.0 became not there" in answer.outcomes[0].reason
    )


def test_compare_says_that_it_cannot_confirm_and_still_fails(run, tmp_path):
    before, after = saved(tmp_path / "a", session("a")), saved(tmp_path / "b", session("b", 1.1, seed=1))
    code, out, _ = run(before, after, "--fail-on", "slower:2%", "--allow", "session", "--confirm")
    assert code == 1
    assert "stands, unconfirmed: the code of the baseline's session is not here" in out
    code, _, err = run(before, after, "--confirm")
    assert (code, "give --fail-on" in err) == (2, True)
