"""Places of reports are found, or said in one line; files are put there whole."""

from __future__ import annotations

import os
from errno import ENOSPC

import pytest
from command import answered

from dlbench.api import render
from dlbench.errors import RecordError
from dlbench.record import places

pytestmark = pytest.mark.untimed

TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    "words",
    [
        ("report", TOO_LONG),
        ("verify", TOO_LONG),
        ("history", TOO_LONG),
        ("history", "new.sqlite", "--add", TOO_LONG),
        ("compare", TOO_LONG, TOO_LONG),
        ("compare", "a", "b", "--history", TOO_LONG),
    ],
)
def test_a_place_that_the_system_refuses_to_look_at_is_one_line(tmp_path, words):
    done = answered(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "cannot be read (File name too long)" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("source", ["/dev/full", "/dev/zero", "pipe", "folder", "of-pipes"])
@pytest.mark.parametrize(
    "words",
    [("report", "{}"), ("verify", "{}"), ("compare", "{}", "{}"), ("history", "{}"), ("history", "h", "--add", "{}")],
)
def test_what_is_no_file_of_a_report_is_refused_at_once(tmp_path, source, words):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    (tmp_path / "of-pipes").mkdir()
    for name in ("runs.jsonl", "digests.json"):
        os.mkfifo(tmp_path / "of-pipes" / name)
    done = answered(*(word.format(source) for word in words), cwd=tmp_path)
    assert done.returncode == 2, done.stdout
    assert done.stderr.count("\n") == 1
    assert not (tmp_path / "h").exists()


def test_reports_below_a_folder_are_all_found_and_none_is_left_out_in_silence(tmp_path, monkeypatch):
    for name in ("b", "a/deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "runs.jsonl").touch()
    assert places.runs_files(tmp_path) == [tmp_path / "a/deep/runs.jsonl", tmp_path / "b/runs.jsonl"]
    listed = os.scandir

    def refusing(path):
        if str(path).endswith("deep"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refusing)
    with pytest.raises(RecordError, match=r"deep: cannot be read \(Permission denied\)"):
        places.runs_files(tmp_path)


def test_a_full_disk_leaves_the_files_that_were_there_and_no_others(tmp_path, monkeypatch):
    (tmp_path / "a.md").write_text("old")
    synced = []

    def full(_):
        synced.append(1)
        if len(synced) == 2:
            raise OSError(ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RecordError, match=r"b\.html cannot be written \(No space left on device\); give another --out"):
        render.put(tmp_path, {"a.md": "new", "b.html": "new"})
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.md", "old")]
