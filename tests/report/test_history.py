"""A history has a point a session, keeps machines apart, finds changes of level, and refuses files of others."""

from __future__ import annotations

import json
import sqlite3

import msgspec
import pytest
from command import answered
from example_runs import full_session
from histories import made, noisy
from sessions import saved

from dlbench.analysis.metrics import METRICS, over
from dlbench.api.history import history
from dlbench.errors import DlbenchError, RecordError, SpecError, UnknownName
from dlbench.report import summarize
from dlbench.report.history import database
from dlbench.report.history.points import points
from dlbench.report.history.series import FEWEST, Filter, series

pytestmark = pytest.mark.untimed

STEP = Filter(metrics=("step_time",))


def of(sessions, wanted=STEP):
    return series([point for runs in sessions for point in points(runs)], wanted)


def test_a_point_is_the_estimate_of_a_report():
    runs = full_session()
    found = {(one.arm, one.metric): one for one in points(runs)}
    (arm,) = {arm for arm, _ in found if arm.startswith("train, tf.transformer jit")}
    assert arm == (
        "train, tf.transformer jit: small, task text, batch 32, device cpu, fp32, threads 2, steps per call 1, "
        "data on the device, seed 0"
    )
    mine = [run for run in runs if (run.spec.plugin, run.spec.phase) == ("tf.transformer", "train")]
    for metric in ("step_time", "memory_peak", "compile_time"):
        expected = over(METRICS[metric], mine)
        point = found[arm, metric]
        assert (point.value, point.low, point.high, point.n) == (expected.value, expected.low, expected.high, 5)
    assert json.loads(found[arm, "step_time"].code) == {"tf": "2.0"}


def test_failed_runs_controls_and_unsteady_times_are_no_points():
    runs = [msgspec.structs.replace(run, control=True) for run in made(0)]
    assert list(points(runs)) == []
    unstable = [msgspec.structs.replace(run, flags=("unstable",)) for run in made(0)]
    assert "step_time" not in {one.metric for one in points(unstable)}


def test_times_of_a_single_process_without_a_steady_state_are_no_points_though_a_report_shows_them():
    (first, *_) = made(0)
    growing = tuple(
        msgspec.structs.replace(first.samples[0], seconds=0.01 * 1.1**at, round=None, turn=at) for at in range(60)
    )
    alone = msgspec.structs.replace(first, samples=growing, groups=1)
    report = summarize([alone])
    assert any("1 of 1 processes had no steady state" in said for said in report.warnings)
    shown = report.sections[0].arms[0].metrics
    gone = {name for name in shown if name not in {one.metric for one in points([alone])}}
    assert {"step_time", "throughput"} <= gone
    assert not gone & {"memory_peak", "import_time", "first_step_time"}


def test_machines_are_never_mixed():
    found = of([made(0), made(1, cpu="Other CPU"), made(2)])
    assert [(one.machine.partition(",")[0], len(one.points)) for one in found] == [("Example CPU", 2), ("Other CPU", 1)]
    assert [one.machine.partition(",")[0] for one in of([made(0), made(1, cpu="Other CPU")], Filter(machine="other"))][
        :1
    ] == ["Other CPU"]


@pytest.mark.parametrize(("step", "found"), [(1.0, 0), (1.03, 1), (0.9, 1), (1.005, 0)])
def test_a_change_of_level_is_found_at_its_place_with_what_changed(step, found):
    (one,) = of(noisy(40, step, at=25))
    assert len(one.changes) == found
    for change in one.changes:
        assert abs(change.at - 25) <= 1
        assert change.ratio == pytest.approx(step, rel=0.01)
        if change.at == 25:
            assert change.differs == (f"plugin tf.transformer 1.0 files {'a' * 8} → 1.0 files {'b' * 8}",)


def test_fewer_sessions_than_two_levels_show_no_change():
    (one,) = of(noisy(FEWEST - 1, 2.0, at=5))
    assert one.changes == ()


def test_time_is_in_utc_whatever_the_zone_of_a_machine():
    early = [msgspec.structs.replace(run, started="2026-01-02T00:30:00+02:00") for run in made(1)]
    late = [msgspec.structs.replace(run, started="2026-01-01T23:00:00+00:00") for run in made(3)]
    (one,) = of([made(2), early, late])
    assert [point.started[:16] for point in one.points] == ["2026-01-01T22:30", "2026-01-01T23:00", "2026-01-03T12:00"]


def test_filters_take_patterns_of_plugins_and_metrics():
    every = list(points(full_session()))
    assert {one.points[0].plugin for one in series(every, Filter(plugins=("torch.*",)))} == {"torch.transformer"}
    assert {one.metric for one in series(every, Filter(metrics=("throughput",)))} == {"throughput"}
    with pytest.raises(UnknownName, match="unknown metric 'step_tim'; did you mean step_time"):
        Filter(metrics=("step_tim",)).check()


def test_a_file_keeps_what_was_added_and_a_folder_shows_the_same(tmp_path):
    folders = [saved(tmp_path / "reports" / str(number), made(number)) for number in range(3)]
    file = tmp_path / "history.sqlite"
    history(file, folders[:2], STEP)
    history(file, folders[1:], STEP)
    assert history(file, [], STEP) == history(tmp_path / "reports", [], STEP)
    (one,) = history(file, [], STEP)
    assert [point.session for point in one.points] == ["s0", "s1", "s2"]


def test_a_session_that_is_added_again_replaces_itself_unless_it_has_fewer_processes(tmp_path):
    runs, file = made(0), tmp_path / "history.sqlite"
    (before,) = history(file, [saved(tmp_path / "part", runs[:3])], STEP)
    (whole,) = history(file, [saved(tmp_path / "whole", runs)], STEP)
    assert (before.points[0].n, whole.points[0].n, len(whole.points)) == (3, 5, 1)
    (again,) = history(file, [tmp_path / "part"], STEP)
    assert again == whole == history(tmp_path / "whole", [], STEP)[0]


def test_all_or_nothing_is_added(tmp_path):
    file = tmp_path / "history.sqlite"
    history(file, [saved(tmp_path / "a", made(0))], STEP)
    broken = saved(tmp_path / "b", made(1))
    (broken / "runs.jsonl").write_text("damage\n")
    with pytest.raises(RecordError, match="not a Run"):
        history(file, [saved(tmp_path / "c", made(2)), broken], STEP)
    assert [point.session for point in history(file, [], STEP)[0].points] == ["s0"]


def test_a_disk_that_is_full_at_once_leaves_no_empty_file(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "TABLE", "CREATE TABLE points (")
    with pytest.raises(RecordError):
        database.add(tmp_path / "history.sqlite", points(made(0)))
    assert not list(tmp_path.iterdir())


def other_version(path):
    database.add(path, points(made(0)))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")


def other_database(path):
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE points (a)")


def damaged(path):
    database.add(path, [point for number in range(30) for point in points(made(number))])
    content = bytearray(path.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    path.write_bytes(content)


def with_values(values):
    """A history in which somebody else wrote."""

    def make(path):
        database.add(path, points(made(0)))
        with sqlite3.connect(path) as connection:
            connection.execute(f"UPDATE points SET {values}")

    return make


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (with_values("value = 'text'"), "is damaged (Expected `float`, got `str`"),
        (with_values("low = x'ff'"), "is damaged (Expected"),
        (with_values("n = 'text'"), "is damaged (Expected `int`, got `str`"),
        (with_values("high = 9e999"), "is damaged (a figure is not finite)"),
        (with_values("code = '[]'"), "is damaged (Expected `object`, got `array`)"),
        (other_version, "history of version 2, this dlbench reads 1; use the dlbench that wrote it"),
        (other_database, "is no history of dlbench; give another file"),
        (damaged, "is damaged"),
        (lambda path: path.write_text("text " * 100), "is no SQLite file"),
        (lambda path: path.write_bytes(b""), "is no history of dlbench"),
        (lambda path: None, "is not there; make it with --add REPORT"),
    ],
)
def test_a_file_that_is_no_history_is_one_line_with_a_remedy(tmp_path, make, said):
    path = tmp_path / "history.sqlite"
    make(path)
    with pytest.raises(RecordError) as caught:
        history(path, [], STEP)
    assert str(caught.value).startswith(f"{path}: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [damaged, with_values("value = 'text'"), with_values("high = 9e999")])
def test_a_damaged_file_gets_nothing(tmp_path, make):
    path = tmp_path / "history.sqlite"
    make(path)
    before = path.read_bytes()
    with pytest.raises(RecordError, match=r"is damaged .*; add the reports to a new file"):
        history(path, [saved(tmp_path / "a", made(1))], STEP)
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"history.sqlite", "a"}


@pytest.mark.parametrize("there", [True, False])
def test_an_interrupted_addition_leaves_what_was_there(tmp_path, there):
    path = tmp_path / "history.sqlite"
    if there:
        database.add(path, points(made(0)))
    before = database.read(path) if there else []

    def interrupted():
        yield from points(made(1))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        database.add(path, interrupted())
    assert [one.name for one in tmp_path.iterdir()] == (["history.sqlite"] if there else [])
    assert (database.read(path) if there else []) == before


def test_a_file_of_another_program_is_not_written_to(tmp_path):
    path = tmp_path / "other.sqlite"
    other_database(path)
    before = path.read_bytes()
    with pytest.raises(RecordError, match="is no history of dlbench"):
        history(path, [saved(tmp_path / "a", made(0))], STEP)
    assert path.read_bytes() == before


def test_a_file_that_another_program_writes_is_said_to_be_locked(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "LOCK_SECONDS", 0.01)
    path = tmp_path / "history.sqlite"
    database.add(path, points(made(0)))
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    for added in ([], [saved(tmp_path / "a", made(1))]):
        with pytest.raises(RecordError, match="is being written by another program"):
            history(path, added, STEP)
    writer.close()
    assert history(path, [], STEP)


def test_wrong_questions_are_one_line(tmp_path):
    reports = saved(tmp_path / "reports" / "a", made(0)).parent
    for source, added, wanted, kind, said in (
        (reports, [reports], STEP, SpecError, "--add writes to a file"),
        (reports, [], Filter(plugins=("torch.*",)), RecordError, "nothing fits; there are plugins tf.transformer and"),
        (tmp_path / "h.sqlite", [tmp_path / "reports" / "a" / "none"], STEP, RecordError, "cannot be read"),
    ):
        with pytest.raises(kind, match=said) as caught:
            history(source, added, wanted)
        assert isinstance(caught.value, DlbenchError)


def test_the_command_shows_adds_and_draws_and_never_gates(tmp_path):
    for number, runs in enumerate(noisy(30, 1.5, at=20)):
        saved(tmp_path / "reports" / str(number), runs)
    options = ("--add", "reports", "--metric", "step_time", "--plot", "--svg", "h.svg")
    done = answered("history", "h.sqlite", *options, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    said = " ".join(done.stdout.split())
    assert "step_time, 2026-01-21 12:00 UTC: 1.5" in said
    assert "files aaaaaaaa → 1.0 files bbbbbbbb" in said
    assert (tmp_path / "h.svg").exists()
    done = answered("history", "none.sqlite", cwd=tmp_path)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
