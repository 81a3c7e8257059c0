"""Groups one after the other: files on the disk, Specs not tried again, and the end."""

import pytest
from schedules import Children, Diary, plan, record
from scripted import ScriptedChild

from dlbench.analysis import effort
from dlbench.errors import DlbenchError
from dlbench.record import journal
from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan
from dlbench.session import schedule
from dlbench.session.eta import TimeEstimate
from dlbench.session.machine import here
from dlbench.spec import Policy
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed

UNSUPPORTED = ChildError("unsupported", "no gpu: found cpu")


@pytest.fixture
def diary():
    return Diary()


def test_every_spec_has_one_run_a_process_in_one_session(diary, tmp_path):
    start = Children()
    runs = record(plan(), tmp_path / "new" / "folder", diary, start)
    assert sorted((run.spec.plugin, run.group) for run in runs) == [
        (plugin, number) for plugin in ("fake.linear", "twin.linear") for number in range(3)
    ]
    assert {(run.session, run.arms) for run in runs} == {(runs[0].session, 2)}
    assert [run.arm for run in runs] == [0, 1] * 3
    assert all(child.closed for _, child in start.made)
    assert read_runs(tmp_path / "new" / "folder" / "runs.jsonl") == runs == diary.runs
    assert diary.built == ["fake.linear eager", "twin.linear eager"], "each is named before its first process"


def test_a_group_is_on_the_disk_before_the_next_one_starts(diary, tmp_path):
    written = []

    def make(spec):
        path = tmp_path / "runs.jsonl"
        written.append(len(read_runs(path)) if path.exists() else 0)
        return ScriptedChild()

    start = Children(make)
    record(plan(), tmp_path, diary, start)
    assert written == [0, 0, 2, 2, 4, 4]


def test_what_is_unsupported_has_a_run_a_process_and_is_not_tried_again(diary, tmp_path):
    start = Children(
        lambda spec: ScriptedChild(fails_at="Build" if spec.plugin == "twin.linear" else "", error=UNSUPPORTED),
    )
    runs = record(plan(), tmp_path, diary, start)
    found = [(run.spec.plugin, run.group, run.status, run.flags) for run in runs if run.status != "ok"]
    assert found == [("twin.linear", at, "unsupported", ("not_tried",) if at else ()) for at in range(3)]
    assert {run.reason for run in runs if run.status != "ok"} == {"no gpu: found cpu"}
    assert len(start.of("twin.linear")) == 1


def test_a_plugin_that_does_not_load_is_not_tried_in_another_phase(diary, tmp_path):
    error = ChildError("error", "ImportError", loading=True)
    start = Children(lambda spec: ScriptedChild(fails_at="Build" if "twin" in spec.plugin else "", error=error))
    record(plan(phase=["train", "predict"]), tmp_path, diary, start)
    assert len(start.of("twin.linear")) == 1


def test_nothing_is_written_when_nothing_could_run(diary, tmp_path):
    start = Children(lambda spec: ScriptedChild(fails_at="Build", error=UNSUPPORTED))
    with pytest.raises(DlbenchError, match="no gpu: found cpu"):
        record(plan(), tmp_path / "out", diary, start)
    assert not (tmp_path / "out").exists()


def test_what_could_not_run_is_recorded_as_soon_as_something_else_could(diary, tmp_path):
    start = Children(lambda spec: ScriptedChild(fails_at="Build" if spec.phase == "train" else "", error=UNSUPPORTED))
    runs = record(plan(phase=["train", "predict"]), tmp_path, diary, start)
    assert [run.status for run in read_runs(tmp_path / "runs.jsonl")] == ["unsupported"] * 2 + ["ok"] * 2 + (
        ["unsupported"] * 2 + ["ok"] * 2
    ) * 2
    assert len(runs) == 12


def test_the_budget_stops_before_a_group_and_says_what_is_left_out(monkeypatch, diary, tmp_path):
    start = Children()
    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(schedule.time, "monotonic", lambda: float(next(now)))
    policy = Policy(processes=5, samples=2, budget_seconds=200)
    runs = record(plan(policy), tmp_path, diary, start, policy)
    assert 0 < len(runs) < 10
    assert "200 s" in diary.reasons[0]
    assert f"{5 - len(runs) // 2} groups left out" in diary.reasons[0]


def test_a_session_that_goes_on_may_have_another_budget(monkeypatch, diary, tmp_path):
    now = iter(range(0, 10_000, 10))
    monkeypatch.setattr(schedule.time, "monotonic", lambda: float(next(now)))
    policy = Policy(processes=5, samples=2, budget_seconds=200)
    planned = plan(policy)
    found = [len(record(planned, tmp_path, diary, Children(), policy))]
    for budget in (1.0, 1e9):
        with journal.resume(tmp_path) as book:
            book.budget_seconds = budget
            found.append(len(schedule.record(planned, book, diary, here(Children()))))
    assert 0 < found[0] == found[1] < found[2] == 10
    assert "1 s" in diary.reasons[1]
    assert {run.policy for run in read_runs(tmp_path / "runs.jsonl")} == {policy}


def test_time_left_is_not_guessed_before_it_is_known(diary, tmp_path):
    start = Children()
    record(plan(phase=["train", "predict"]), tmp_path, diary, start)
    assert diary.left[:2] == [None, None]
    assert all(left is not None for left in diary.left[2:])


def test_the_estimate_expects_the_longest_of_the_phase():
    pace, (first, second, *_) = TimeEstimate(), plan(phase=["train", "predict"])
    pace.add(first, 10.0)
    pace.add(first, 12.0)
    assert (pace.expected(first), pace.expected(second)) == (12.0, None)
    assert pace.remaining([first, first]) == 24.0
    assert pace.remaining([first, second]) is None


def test_children_are_ended_when_the_session_is_interrupted(diary, tmp_path):
    start = Children(lambda spec: ScriptedChild(fails_at="Settle", error=KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        record(plan(), tmp_path, diary, start)
    assert start.made
    assert all(child.closed for _, child in start.made)


DISCARD = Policy(processes=3, samples=2, latency_steps=1, discard=True)


def test_each_arm_has_one_process_first_that_takes_a_step_and_is_no_run(diary, tmp_path):
    start = Children()
    planned = plan(DISCARD, phase=["train", "predict", "converge"])
    runs = record(planned, tmp_path, diary, start, DISCARD)
    assert [child.asked for _, child in start.made[:2]] == [["Build", "First"]] * 2
    assert all(child.closed for _, child in start.made)
    assert [spec.plugin for spec in diary.discarded] == ["fake.linear", "twin.linear"]
    assert len(runs) == len(start.made) - 2 == 2 * (3 + 3 + 3)
    assert all(len(child.asked) > 2 for _, child in start.made[2:])


def test_a_discarded_process_is_fresh_also_where_others_are_forked(diary, tmp_path):
    isolations = []

    def start(spec, policy, place=0):
        isolations.append(policy.isolation)
        return ScriptedChild()

    policy = Policy(processes=2, samples=2, latency_steps=1, discard=True, isolation="fork")
    record(plan(policy), tmp_path, diary, start, policy)
    assert isolations == ["fresh"] * 4 + ["fork"] * 2


@pytest.mark.parametrize("order", ["Build", "First"])
def test_what_goes_wrong_in_a_discarded_process_is_told_by_the_run_that_meets_it_again(order, diary, tmp_path):
    start = Children(lambda spec: ScriptedChild(fails_at=order if "twin" in spec.plugin else "", error=UNSUPPORTED))
    runs = record(plan(DISCARD), tmp_path, diary, start, DISCARD)
    assert [run.status for run in runs if run.spec.plugin == "twin.linear"] == ["unsupported"] * 3
    assert len(start.of("twin.linear")) == 2


def test_a_session_that_goes_on_discards_again_and_only_for_what_is_left(diary, tmp_path):
    planned = plan(DISCARD)
    record(planned, tmp_path, diary, Children(), DISCARD)
    again, start = Diary(), Children()
    with journal.resume(tmp_path) as book:
        schedule.record(planned, book, again, here(start))
    assert (again.discarded, start.made) == ([], [])
    with journal.resume(tmp_path) as book:
        book.truncate(2)
        runs = schedule.record(planned, book, again, here(start))
    assert len(again.discarded) == 2
    assert len(start.made) == 2 + 4
    assert len(runs) == 6


def test_a_workload_stops_at_the_look_at_which_it_knows_enough_and_the_others_go_on(diary, tmp_path, monkeypatch):
    monkeypatch.setattr(TimeEstimate, "remaining", lambda _, groups: len(groups))
    policy = Policy(processes=2, samples=2, latency_steps=1, adaptive=True)
    planned = plan(policy, phase=["train", "predict"])

    def enough(runs):
        return runs[0].spec.phase == "train" and len({run.group for run in runs}) == 6

    specs = tuple(dict.fromkeys(spec for group in planned for spec in group.specs))
    with journal.begin(tmp_path, Plan(session="s", specs=specs, policy=policy)) as book:
        runs = schedule.record(planned, book, diary, here(Children()), enough)
    assert [sum(run.spec.phase == phase for run in runs) // 2 for phase in ("train", "predict")] == [6, 45]
    assert diary.left[-39:] == list(range(39, 0, -1)), "what stopped is not ahead"
    start = Children()
    with journal.resume(tmp_path) as book:
        assert schedule.record(planned, book, Diary(), here(start), enough) == runs
    assert start.made == []


def test_rounds_of_a_group_are_those_that_the_runs_before_it_ask_for(diary, tmp_path):
    """A group that has more of them is the same group; the policy of its Runs stays that of the session."""
    policy = Policy(processes=3, samples=2, latency_steps=1, adaptive=True)
    planned, asked = plan(policy)[:3], []

    def rounds(runs):
        asked.append(sorted({run.group for run in runs}))
        return effort.Due(2 + 3 * len(asked[-1]), 0.0) if asked[-1] else None

    with journal.begin(tmp_path, Plan(session="s", specs=planned[0].specs, policy=policy)) as book:
        runs = schedule.record(planned, book, diary, here(Children()), rounds=rounds)
    assert asked == [[], [0], [0, 1]]
    steady = [sum(sample.stage == "steady" for sample in run.samples) for run in runs]
    assert steady == [2, 2, 5, 5, 8, 8]
    assert {run.policy for run in runs} == {policy}


def test_a_group_whose_rounds_would_overrun_the_budget_is_not_begun(diary, tmp_path):
    policy = Policy(processes=3, samples=2, latency_steps=1, adaptive=True, budget_seconds=1000.0)
    planned = plan(policy)[:3]

    def rounds(runs):
        return effort.Due(200, 2000.0) if runs else None

    with journal.begin(tmp_path, Plan(session="s", specs=planned[0].specs, policy=policy)) as book:
        runs = schedule.record(planned, book, diary, here(Children()), rounds=rounds)
    assert {run.group for run in runs} == {0}
    assert diary.reasons == ["the budget of 1000 s is used; 2 groups left out"]
