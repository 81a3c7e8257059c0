"""The folder of a report after a kill, a full disk or a second writer."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest
from scripted import SPEC

from dlbench.errors import RecordError
from dlbench.record import journal
from dlbench.record.reading import read_runs
from dlbench.record.schema import Plan, Run
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

PLAN = Plan(session="s", specs=(SPEC,), policy=Policy())
RUN = Run(
    spec=SPEC,
    policy=PLAN.policy,
    session="s",
    group=0,
    groups=3,
    arm=0,
    arms=1,
    status="ok",
    started="2026-01-01T00:00:00Z",
    wall_seconds=1.0,
)


def runs(*numbers):
    return [msgspec.structs.replace(RUN, group=number) for number in numbers]


def test_a_plan_is_on_the_disk_before_any_run_and_stays_with_one(tmp_path):
    with journal.begin(tmp_path / "a" / "b", PLAN) as book:
        assert msgspec.json.decode((tmp_path / "a" / "b" / "plan.json").read_bytes(), type=Plan) == PLAN
        book.append(runs(0))
    assert sorted(path.name for path in (tmp_path / "a" / "b").iterdir()) == ["digests.json", "plan.json", "runs.jsonl"]


def test_every_new_entry_is_synced_with_its_folder(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink()))
    with journal.begin(tmp_path / "new", PLAN) as book:
        assert synced[0] == tmp_path
        assert synced[-1] == tmp_path / "new"
        del synced[:]
        book.append(runs(0))
        assert synced[:2] == [tmp_path / "new" / "runs.jsonl", tmp_path / "new"]
        assert synced[2:] == [tmp_path / "new" / ".digests.json.new", tmp_path / "new"]


def test_a_session_without_a_run_leaves_the_disk_as_it_was(tmp_path):
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "there", tmp_path / "new" / "deep"):
        with pytest.raises(KeyboardInterrupt), journal.begin(folder, PLAN):
            raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert list((tmp_path / "there").iterdir()) == []


def test_what_was_resumed_stays_even_when_nothing_was_added(tmp_path):
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(PLAN))
    with journal.resume(tmp_path):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def test_a_folder_that_holds_a_report_is_left_alone(tmp_path):
    for name in ("runs.jsonl", "plan.json"):
        (tmp_path / name).write_text("precious")
        with pytest.raises(RecordError, match="already holds a report; --resume it"):
            journal.begin(tmp_path, PLAN)
        assert (tmp_path / name).read_text() == "precious"
        (tmp_path / name).unlink()


def test_a_folder_that_cannot_be_made_is_found_out_before_measuring(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RecordError, match="--out"):
        journal.begin(tmp_path / "file" / "report", PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_second_writer_is_refused_and_the_first_goes_on(tmp_path):
    lines = ("import sys", "from pathlib import Path", "from dlbench.record.journal import resume")
    program = "; ".join([*lines, "resume(Path(sys.argv[1])); print(1)"])
    command = [sys.executable, "-c", program, str(tmp_path)]
    with journal.begin(tmp_path, PLAN) as book:
        second = subprocess.run(command, capture_output=True, text=True, check=False)
        assert "is being written by another dlbench" in second.stderr
        book.append(runs(0))
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "1\n"


def test_a_writer_that_is_just_going_is_waited_for(tmp_path):
    (tmp_path / "plan.json").write_bytes(msgspec.json.encode(PLAN))
    going = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(going, fcntl.LOCK_EX)
    threading.Timer(0.2, os.close, [going]).start()
    with journal.resume(tmp_path) as book:
        book.append(runs(0))


def test_a_torn_last_line_is_cut_off_and_the_rest_is_kept(tmp_path):
    with journal.begin(tmp_path, PLAN) as book:
        book.append(runs(0, 1))
    whole = (tmp_path / "runs.jsonl").read_bytes()
    for torn in (b"{", whole.splitlines()[0], b"\x00" * 50):
        (tmp_path / "runs.jsonl").write_bytes(whole + torn)
        with pytest.raises(RecordError, match=r"runs\.jsonl:3: truncated"):
            read_runs(tmp_path / "runs.jsonl")
        with journal.resume(tmp_path) as book:
            assert book.runs == runs(0, 1)
        assert (tmp_path / "runs.jsonl").read_bytes() == whole


def test_damage_in_the_middle_is_named_and_nothing_is_changed(tmp_path):
    with journal.begin(tmp_path, PLAN) as book:
        book.append(runs(0, 1))
    first, second = (tmp_path / "runs.jsonl").read_bytes().splitlines(keepends=True)
    (tmp_path / "runs.jsonl").write_bytes(first + b"damage\n" + second)
    with pytest.raises(RecordError, match=r"runs\.jsonl:2: not a Run"):
        journal.resume(tmp_path)
    assert (tmp_path / "runs.jsonl").read_bytes() == first + b"damage\n" + second


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[" * 100_000, b'{"session": 1}'])
def test_what_is_no_plan_is_a_record_error(content, tmp_path):
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(RecordError, match=r"plan\.json: not a plan"):
        journal.resume(tmp_path)


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from dlbench.record import journal
from test_journal import PLAN, runs
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
with journal.begin(Path(sys.argv[1]), PLAN) as book:
    book.append(runs(0, 1))
    whole = (Path(sys.argv[1]) / "runs.jsonl").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + 100, whole + 100))
    book.append(runs(2))
"""


def test_a_disk_that_is_full_in_the_middle_of_a_line_costs_that_line_alone(tmp_path):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert "RecordError" in done.stderr
    assert "File too large" in done.stderr
    assert "finished groups are kept; free some space and --resume" in done.stderr
    assert read_runs(tmp_path / "runs.jsonl") == read_runs(tmp_path) == runs(0, 1), "by its file or its folder"
    with journal.resume(tmp_path) as book:
        book.append(runs(2))
    assert read_runs(tmp_path / "runs.jsonl") == runs(0, 1, 2)


def test_ctrl_c_waits_until_what_is_measured_is_written(tmp_path, monkeypatch):
    with journal.begin(tmp_path, PLAN) as book:
        monkeypatch.setattr(os, "fsync", lambda _: signal.raise_signal(signal.SIGINT))
        with pytest.raises(KeyboardInterrupt):
            book.append(runs(0))
        assert book.runs == runs(0)
    assert read_runs(tmp_path / "runs.jsonl") == runs(0)


def test_sessions_that_start_at_once_with_a_name_of_ours_have_a_folder_each(tmp_path):
    folder = tmp_path / "reports" / "now"
    with journal.begin(folder, PLAN, anew=True) as first, journal.begin(folder, PLAN, anew=True) as second:
        assert (first.folder, second.folder) == (folder, tmp_path / "reports" / "now-2")
        first.append(runs(0))
        second.append(runs(1))
    with journal.begin(folder, PLAN, anew=True) as third:
        assert third.folder.name == "now-3"
    assert sorted(path.name for path in folder.parent.iterdir()) == ["now", "now-2"]
    assert [run.group for run in read_runs(folder / "runs.jsonl")] == [0]


def test_a_folder_that_cannot_be_made_takes_nothing_of_another_session_away(tmp_path, monkeypatch):
    with journal.begin(tmp_path / "there", PLAN) as book:
        book.append(runs(0))
    monkeypatch.setattr(journal, "_locked", lambda folder: os.open(folder / "missing", os.O_RDONLY))
    with pytest.raises(RecordError, match="cannot be written"):
        journal.begin(tmp_path / "there", PLAN)
    assert read_runs(tmp_path / "there" / "runs.jsonl") == runs(0)
