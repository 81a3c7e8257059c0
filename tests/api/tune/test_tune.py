"""Races of scripted children, without a process: the answer, its reasons, parts, resuming, and the folder."""

from __future__ import annotations

import json

import msgspec
import pytest
from races import Told, arm, asked, child_of
from scripted import BUILT, ScriptedChild

from dlbench.api.tune import folders
from dlbench.api.tune.limits import Limits
from dlbench.api.tune.rounds import PART, Deadline, Rounds
from dlbench.api.tune.session import ANSWER_FILE, PAGE_FILE, PICTURE_FILE, tune
from dlbench.record.reading import read_runs
from dlbench.session.pilot import MemoryUse
from dlbench.workers.child import ChildError

pytestmark = pytest.mark.untimed


def test_the_fastest_setting_is_found_and_measured_again_beside_the_default(children, tmp_path):
    found = tune(asked(tmp_path), Told())
    assert (found.status, found.chosen) == ("found", "threads 2, batch size 64, steps per call 4")
    assert found.default == "threads 2, batch size 32, steps per call 1"
    assert found.proven
    assert found.speedup.low < found.speedup.ratio < found.speedup.high or found.speedup.ratio == found.speedup.low
    before, after = 0.001 / 32 + 2e-5, 0.001 / 4 / 64 + 2e-5
    assert found.speedup.ratio == pytest.approx(before / after, rel=0.01)
    again = read_runs(tmp_path / folders.AGAIN / "runs.jsonl")
    assert {run.isolation for run in again} == {"fresh"}
    assert {run.spec.batch_size for run in again} == {32, 64}


def test_the_answer_ends_in_a_line_to_paste_and_what_to_set(children, tmp_path):
    found = tune(asked(tmp_path), Told())
    for words in ("dlbench run --plugin fake.linear", "--batch-size 64", "--threads 2", "--steps-per-call 4"):
        assert words in found.command
    assert "threads: 2 (OMP_NUM_THREADS=2, or the framework's own call)" in found.settings
    page = (tmp_path / PAGE_FILE).read_text()
    assert found.command in page
    assert "fastest: threads 2, batch size 64, steps per call 4" in page
    assert "Latency and throughput" in page
    assert json.loads((tmp_path / ANSWER_FILE).read_text())["status"] == "found"
    assert found.command in (tmp_path / PICTURE_FILE).read_text()


def test_the_front_has_no_setting_that_another_beats_in_both(children, tmp_path):
    found = tune(asked(tmp_path), Told())
    front = [one for one in found.arms if one.front]
    for one in front:
        assert not any(other.throughput > one.throughput and other.latency < one.latency for other in found.arms)
    sizes = {(one.axes["batch_size"], one.axes["steps_per_call"]) for one in front}
    assert {("8", "1"), ("64", "1"), ("64", "4")} <= sizes


def test_slow_arms_leave_early_and_the_rest_get_more_groups(children, tmp_path):
    found = tune(asked(tmp_path, batch_size=(8, 16, 64), steps_per_call=(1, 4, 16), threads=(1, 2)), Told())
    counts = {one.name: one.groups for one in found.arms}
    assert min(counts.values()) == 1
    assert found.processes < 0.3 * 15 * len(found.arms)
    assert all(one.ratio.low > 1 for one in found.arms if one.left == "slower")


def test_processes_of_a_race_are_forked_and_those_of_the_winner_and_the_default_have_a_memory(children, tmp_path):
    found = tune(asked(tmp_path), Told())
    assert {run.isolation for run in read_runs(tmp_path / folders.RACE / "runs.jsonl")} == {folders.FAST}
    known = {one.name for one in found.arms if one.memory is not None}
    assert known == {found.chosen, found.default} or folders.FAST == "fresh"


def test_a_limit_on_memory_takes_a_fresh_process_of_each_setting(children, tmp_path):
    found = tune(asked(tmp_path, Limits(memory=1 << 40)), Told())
    first = [run for run in read_runs(tmp_path / folders.RACE / "runs.jsonl") if run.group == 0]
    assert {run.isolation for run in first} == {"fresh"}
    assert all(one.memory is not None for one in found.arms)


def test_a_default_that_is_best_is_recommended(children, tmp_path):
    children.make = lambda spec: ScriptedChild(step_seconds=0.001 * spec.batch_size)
    found = tune(asked(tmp_path), Told())
    assert (found.status, found.chosen, found.recommended) == ("default", found.default, found.default)
    assert not (tmp_path / folders.AGAIN).exists()


def test_a_winner_that_is_not_faster_again_is_not_recommended(children, tmp_path):
    """In the race, which mostly has forked processes, one setting is fast; in fresh ones it is as the default."""
    made = []

    def make(spec):
        again = (tmp_path / folders.AGAIN).exists()
        made.append(again)
        return ScriptedChild(step_seconds=spec.batch_size * (0.001 if again or spec.batch_size == 32 else 0.0007))

    children.make = make
    found = tune(asked(tmp_path, batch_size=(32, 64)), Told())
    assert (found.status, found.recommended) == ("default", "batch size 32")
    assert "--batch-size 32" in found.command
    assert "won the race and is not surely faster" in (tmp_path / PAGE_FILE).read_text()


def test_an_arm_that_fails_is_a_row_with_its_reason(children, tmp_path):
    error = ChildError("crashed", "signal 11")
    children.make = lambda spec: child_of(spec, fails_at="Build" if spec.batch_size == 64 else "", error=error)
    found = tune(asked(tmp_path), Told())
    failed = arm(found, batch_size=64, threads=1, steps_per_call=1)
    assert (failed.left, failed.reason, failed.throughput) == ("failed", "crashed: signal 11", None)
    assert found.chosen == "threads 2, batch size 32, steps per call 1" or "64" not in found.chosen


def test_a_default_that_fails_does_not_end_the_race(children, tmp_path):
    error = ChildError("unsupported", "no such batch")
    children.make = lambda spec: child_of(spec, fails_at="Build" if spec.batch_size == 32 else "", error=error)
    found = tune(asked(tmp_path), Told())
    assert (found.status, found.chosen) == ("found", "threads 2, batch size 64, steps per call 4")
    assert found.speedup is None
    assert "the default did not run: unsupported: no such batch" in found.reason


def test_a_race_that_is_interrupted_goes_on_without_measuring_twice(children, tmp_path):
    def make(spec):
        if len(children.made) == 25:
            raise KeyboardInterrupt
        return child_of(spec)

    children.make = make
    with pytest.raises(KeyboardInterrupt):
        tune(asked(tmp_path), Told())
    kept = read_runs(tmp_path / folders.RACE / "runs.jsonl")
    assert kept
    children.make = child_of
    found = tune(asked(tmp_path, resume=True), Told())
    assert read_runs(tmp_path / folders.RACE / "runs.jsonl")[: len(kept)] == kept
    whole = tune(asked(tmp_path.with_name("whole")), Told())
    assert msgspec.structs.replace(found, seconds=0, speedup=None) == msgspec.structs.replace(
        whole, seconds=0, speedup=None
    )


def test_a_budget_that_is_used_is_undecided(children, tmp_path):
    found = tune(asked(tmp_path, seconds=1e-9), Told())
    assert (found.status, found.reason) == ("undecided", "the budget of 1e-09 s is used")


def test_a_group_is_measured_in_parts_that_share_an_arm(children, tmp_path):
    request = asked(tmp_path, batch_size=(8, 16, 32, 64), steps_per_call=(1, 2, 4, 8))
    with folders.race(tmp_path, request.specs, request.policy) as book:
        rounds = Rounds(book, Told(), children, Deadline(None))
        found = rounds(0, range(len(request.specs)))
        parts = {}
        for run in book.runs:
            parts.setdefault(run.part, []).append(run.spec)
    assert len(parts) > 1
    assert all(len(part) <= PART and request.specs[0] in part for part in parts.values())
    assert set(found.values) == set(range(len(request.specs)))
    assert found.values[0] == 0.0


def test_an_arm_that_ran_out_of_memory_beside_others_is_tried_alone(children, tmp_path):
    error, tries = ChildError("out-of-memory", "std::bad_alloc"), []

    def make(spec):
        wanted = spec.batch_size == 64 and spec.steps_per_call == 4
        tries.extend([spec] if wanted else [])
        return child_of(spec, fails_at="Build" if wanted and len(tries) == 1 else "", error=error)

    children.make = make
    found = tune(asked(tmp_path, batch_size=(8, 64), steps_per_call=(1, 4)), Told())
    assert found.chosen == "batch size 64, steps per call 4"
    parts = [run.arms for run in read_runs(tmp_path / folders.RACE / "runs.jsonl") if run.spec == tries[0]]
    assert parts[:2] == [5, 2]


def test_a_shared_arm_that_ran_out_of_memory_beside_others_goes_on_with_one_of_them(children, tmp_path):
    error, request = ChildError("out-of-memory", "std::bad_alloc"), asked(tmp_path, batch_size=(8, 16, 64))
    hub, made = request.specs[0], []

    def make(spec):
        made.append(spec)
        assert len(made) < 30, "it goes round in a circle"
        crowded = spec == hub and made.count(hub) == 1
        return child_of(spec, fails_at="Build" if crowded else "", error=error)

    children.make = make
    with folders.race(tmp_path, request.specs, request.policy) as book:
        found = Rounds(book, Told(), children, Deadline(None))(0, range(len(request.specs)))
        arms_of = [run.arms for run in book.runs if run.spec == hub]
    assert arms_of == [4, 2, 2, 2]
    assert set(found.values) == {0, 1, 2, 3}


def test_arms_take_turns_where_the_memory_of_their_own_device_holds_them(children, tmp_path, monkeypatch):
    """On a GPU with room for two, whatever the machine has."""
    free = {"gpu:0": MemoryUse(1e12, 250.0), "cpu": MemoryUse(1e12)}
    monkeypatch.setattr("dlbench.session.pilot.available_memory", lambda device: free[device])
    monkeypatch.setattr("dlbench.api.tune.rounds.memory", lambda run: 100.0)
    request = asked(tmp_path, batch_size=(8, 16, 64))
    on_gpu = msgspec.structs.replace(BUILT, info=msgspec.structs.replace(BUILT.info, device="gpu:0"))
    monkeypatch.setattr(ScriptedChild, "_build", lambda self, order: on_gpu)
    with folders.race(tmp_path, request.specs, request.policy) as book:
        rounds = Rounds(book, Told(), children, Deadline(None))
        for number in range(2):
            rounds(number, range(len(request.specs)))
        assert {run.arms for run in book.runs if run.group} == {2}


def test_progress_names_settings_and_not_only_the_plugin(children, tmp_path):
    listener = Told()
    tune(asked(tmp_path), listener)
    assert any("threads 1, batch size 8, steps per call 1: " in note for note in listener.notes)
