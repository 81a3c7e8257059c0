"""`dlbench compare`, from files to exit codes."""

from __future__ import annotations

import json

import msgspec
import pytest
from example_runs import spec
from sessions import saved, session

from dlbench.analysis import judge
from dlbench.analysis.gate import GateRequest
from dlbench.record.schema import PLAN_FILE, Plan
from dlbench.report import comparison, markdown

pytestmark = pytest.mark.untimed


@pytest.fixture
def reports(tmp_path):
    before = saved(tmp_path / "before", session("a"))
    return before, saved(tmp_path / "after", session("b", 1.1, seed=1))


def test_two_reports_are_compared_and_a_plain_comparison_is_fine(run, reports):
    code, out, err = run(*reports)
    assert (code, err) == (0, "")
    assert "slower" in out
    assert "1.10 (1.0" in out
    assert "cross-session" in out


def test_an_explanation_is_printed_where_it_is_asked_for(run, reports):
    code, out, err = run(*reports, "--explain")
    assert (code, err) == (0, "")
    assert "Numbers behind each verdict" in out
    assert "slower (ci-beyond: " in out
    assert "Numbers behind each verdict" not in run(*reports)[1]
    assert run(*reports, "--explain", "--quiet")[1] == ""


def test_a_file_is_as_good_as_its_folder(run, reports):
    before, after = reports

    assert run(before / "runs.jsonl", after / "runs.jsonl")[0] == 0


def test_two_sessions_do_not_gate_without_a_history(run, reports):
    code, out, err = run(*reports, "--fail-on", "slower:2%")
    assert code == 2
    assert err.startswith("dlbench: not gated: the two sides are from two sessions")
    assert "1.10" in out  # the figures are shown even so


def test_a_regression_is_exit_code_1_with_a_history_or_with_leave(run, reports, tmp_path):
    for at, factor in enumerate((1.0, 1.01, 0.99, 1.0)):
        saved(tmp_path / "history" / str(at), session(f"h{at}", factor, seed=at))
    assert run(*reports, "--fail-on", "slower:2%", "--history", tmp_path / "history")[0] == 1
    assert run(*reports, "--fail-on", "slower:2%", "--allow", "session")[0] == 1
    assert run(*reversed(reports), "--fail-on", "slower:5%", "--allow", "session")[0] == 0


def test_a_history_is_of_this_machine_and_without_what_is_compared(run, reports, tmp_path):
    gate = ("--fail-on", "slower:2%", "--history", tmp_path / "history")
    for at in range(3):
        saved(tmp_path / "history" / str(at), session(f"h{at}", seed=at))
    saved(tmp_path / "history" / "candidate", session("b", 1.1, seed=1))
    assert run(*reports, *gate)[0] == 1, "a history that holds the candidate would hide what it changed"
    other = msgspec.structs.replace(session("x")[0].environment, cpu="Another CPU")
    saved(tmp_path / "history" / "x", session("x", environment=other))
    code, _, err = run(*reports, *gate)
    assert (code, "a history of another machine (Example CPU / Another CPU" in err) == (2, True)
    assert run(*reports, *gate, "--allow", "machine")[0] == 1


def test_what_failed_in_the_candidate_is_not_judged_by_the_processes_that_came_through(run, reports, tmp_path):
    alike = session("c", seed=1)
    failed = [msgspec.structs.replace(one, status="crashed", reason="SIGSEGV", samples=()) for one in alike[:3]]
    after = saved(tmp_path / "crashed", [*failed, *alike[3:]])
    gate = ("--fail-on", "slower:2%", "--allow", "session")
    code, out, _ = run(reports[0], after, *gate)
    assert (code, "processes of it failed (3 of 5 processes: crashed: SIGSEGV)" in out) == (3, True)
    assert run(reports[0], after)[0] == 0
    slow = session("d", 1.5, seed=1)
    after = saved(tmp_path / "slow", [*failed, *slow[3:]])
    assert run(reports[0], after, *gate)[0] == 1, "a regression outweighs what failed"


def test_what_the_candidate_was_to_measure_and_did_not_cannot_pass(run, tmp_path):
    eager = spec(path="eager")
    before = saved(tmp_path / "a", [*session("a"), *session("a", of=eager)])
    after = saved(tmp_path / "b", session("b", seed=1))
    gate = ("--fail-on", "slower:10%", "--allow", "session")
    assert run(before, after, *gate)[0] == 0
    plan = Plan(session="b", specs=(spec(), eager), policy=session("b")[0].policy)
    (after / PLAN_FILE).write_bytes(msgspec.json.encode(plan))
    code, _, err = run(before, after, *gate)
    assert (code, "eager did not run in the candidate (the session ended before it)" in err) == (2, True)


def test_undecided_is_exit_code_3_when_strict_and_too_weak_always(run, tmp_path):
    before = saved(tmp_path / "a", session("a", spread=0.001))
    near = saved(tmp_path / "b", session("b", 1.0195, spread=0.001, seed=1))
    wild = saved(tmp_path / "c", session("c", spread=0.1, seed=1))
    gate = ("--fail-on", "slower:2%", "--allow", "session")
    assert [run(before, near, *gate)[0], run(before, near, *gate, "--strict")[0]] == [0, 3]
    assert run(before, wild, *gate)[0] == 3


def test_another_machine_is_compared_only_when_allowed(run, reports, tmp_path):
    runs = session("m", 1.1, seed=1)
    other = msgspec.structs.replace(runs[0].environment, cpu="Another CPU")
    elsewhere = saved(tmp_path / "elsewhere", [msgspec.structs.replace(one, environment=other) for one in runs])
    code, _, err = run(reports[0], elsewhere)
    assert (code, err.count("\n"), "give --allow machine" in err) == (2, 1, True)
    code, out, _ = run(reports[0], elsewhere, "--allow", "machine")
    assert code == 0
    assert "another machine: Example CPU, 2 cores against Another CPU, 2 cores" in out
    gate = ("--fail-on", "slower:2%", "--allow", "session")
    code, _, err = run(reports[0], elsewhere, *gate)
    assert (code, "another machine" in err) == (2, True)
    assert run(reports[0], elsewhere, *gate, "--allow", "machine")[0] == 1


def test_one_process_a_side_is_shown_as_indicative_and_never_gates(run, tmp_path):
    before, after = (saved(tmp_path / name, session(name, processes=1)) for name in "ab")
    assert "indicative" in run(before, after)[1]
    code, _, err = run(before, after, "--fail-on", "slower:2%", "--allow", "session")
    assert (code, "never gates" in err) == (2, True)


def test_a_file_of_another_schema_is_refused_in_one_line(run, reports, tmp_path):
    strange = tmp_path / "strange.jsonl"
    strange.write_text('{"schema": 99}\n')
    code, out, err = run(reports[0], strange)
    assert (code, out) == (2, "")
    assert "schema 99" in err
    assert err.count("\n") == 1


def test_a_missing_history_and_a_gate_that_is_none_are_refused(run, reports, tmp_path):
    (tmp_path / "empty").mkdir()
    assert "holds no runs.jsonl" in run(*reports, "--history", tmp_path / "empty")[2]
    assert "there is no gate" in run(*reports, "--strict")[2]


def test_versions_that_differ_are_named(run, reports, tmp_path):
    runs = session("v", seed=1)
    other = msgspec.structs.replace(runs[0].environment, packages={"dlbench": "0.1.0", "tf": "2.1"})
    after = saved(tmp_path / "versions", [msgspec.structs.replace(one, environment=other) for one in runs])
    assert "versions differ: tf 2.0 became 2.1" in run(reports[0], after)[1]


def test_the_comparison_is_kept_where_asked(run, reports, tmp_path):
    code, out, _ = run(
        *reports, "--out", tmp_path / "kept", "--fail-on", "slower:2%,counts", "--allow", "session", "--quiet"
    )
    assert (code, out) == (1, "")
    kept = json.loads((tmp_path / "kept" / "comparison.json").read_text())
    assert [(one["condition"], one["result"]) for one in kept["outcomes"]] == [
        ("slower:2%", "regression"),
        ("counts", "passed"),
    ]
    keys = ["baseline", "candidate", "rows", "counts", "warnings", "outcomes", "controls", "kind", "schema"]
    assert list(kept) == keys, "the file keeps its form for its readers"
    assert kept["rows"][0]["comparison"]["ratio"]["value"] == pytest.approx(1.1)
    assert kept["rows"][0]["comparison"]["cross_session"] is True
    assert "regression of slower:2%, ratio 1.10" in (tmp_path / "kept" / "comparison.md").read_text()


@pytest.mark.parametrize(
    ("unsteady", "said"),
    [
        ((False, True), "the candidate has no step time, median: the steps never became steady in 5 of 5 processes"),
        ((True, False), "the baseline has no step time, median: the steps never became steady in 5 of 5 processes"),
        ((True, True), "neither side has a step time, median: the steps never became steady in 10 of 10 processes"),
    ],
)
def test_a_step_time_that_a_side_lacks_has_a_row_that_says_so(unsteady, said):
    before, after = (
        session(name, flags=("unstable",) if is_so else ()) for name, is_so in zip("ab", unsteady, strict=True)
    )
    compared = judge.reports(("a", "b"), before, after, GateRequest(allow=("session",)))
    (row,) = [row for row in compared.comparisons if row.comparison.metric == "step_time"]
    assert (row.comparison.ratio, row.comparison.reason) == (None, said)
    assert said in markdown.text(list(comparison.page(compared)))


def test_a_metric_that_one_side_alone_has_has_a_row_and_one_that_neither_has_has_none():
    before, after = session("a"), session("b", memory=())
    compared = judge.reports(("a", "b"), before, after, GateRequest(allow=("session",)))
    reasons = {row.comparison.metric: row.comparison.reason for row in compared.comparisons}
    assert reasons["memory_peak"] == "the candidate has no peak memory above import"
    assert "device_memory_peak" not in reasons
