"""Temporary folders of children: of random names, empty at first, gone at the end however it comes, nobody else's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from command import started

from dlbench.spec import Policy, Spec
from dlbench.workers import supervisor
from dlbench.workers.backends import Starter
from dlbench.workers.child import ChildError, fresh_child
from dlbench.workers.protocol import Build, Built, First, Stepped, Take, Taken

pytestmark = pytest.mark.untimed

SPEC = Spec(plugin="naughty.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
PARENT = """
import sys, time
from dlbench.workers.child import fresh_child
from dlbench.workers.protocol import Build, Built
from test_temporary import SPEC
child = fresh_child(1, 60.0)
child.request(Build(spec=SPEC), Built)
print("built", flush=True)
time.sleep(600)
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """The folder for temporary files of this process."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def held(folder):
    return sorted(one.name.partition("-")[0] for one in folder.rglob("*"))


@pytest.mark.parametrize("isolation", ["fresh", "fork"])
def test_children_keep_temporary_files_in_folders_that_nobody_else_has(isolation, temporary, tmp_path, monkeypatch):
    others = tmp_path / "others"
    others.mkdir()
    (others / "kept").write_text("kept")
    (temporary / "dlbench-kept").mkdir()
    monkeypatch.setenv("DLBENCH_FAKE", f"build:litter={others}")
    with Starter() as starter:
        children = [starter(SPEC, Policy(isolation=isolation)) for _ in range(2)]
        for child in children:
            child.request(Build(spec=SPEC), Built)
        made = [one for one in temporary.iterdir() if one.name != "dlbench-kept"]
        assert [held(one) for one in made] == (
            [["link", "litter"]] * 2 if isolation == "fresh" else [["link", "link", "litter", "litter"]]
        )
        assert {one.stat().st_mode & 0o777 for one in made} == {0o700}
        for child in children:
            child.close()
    assert held(temporary) == ["dlbench"], "what was there before stays, and nothing else"
    assert (others / "kept").read_text() == "kept", "a symbolic link is not followed"


@pytest.mark.parametrize(
    "misdeed", ["train_step:signal=SIGKILL", "train_step:os-exit=1", "train_step:hang", "train_step:raise"]
)
def test_nothing_is_left_of_a_child_however_it_ends(misdeed, temporary, monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", f"build:litter {misdeed}@2")
    child = fresh_child(1, timeout=3.0 if "hang" in misdeed else 60.0)
    child.request(Build(spec=SPEC), Built)
    child.request(First(), Stepped)
    assert len(held(temporary)) == 3
    with pytest.raises(ChildError):
        child.request(Take(stage="steady", steps=1), Taken)
    child.close()
    assert held(temporary) == []


def test_nothing_is_left_when_the_parent_is_killed(temporary, monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "build:litter")
    command = [sys.executable, "-c", PARENT]
    place = os.pathsep.join(str(Path(__file__).parent.parent / one) for one in ("workers", "support"))
    with started(command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": place}) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"built\n"
        assert len(held(temporary)) == 3
        parent.send_signal(signal.SIGKILL)
        parent.wait()
    patience = time.monotonic() + 60
    while held(temporary):
        assert time.monotonic() < patience
        time.sleep(0.02)


def test_a_folder_that_was_exchanged_for_a_link_to_anothers_is_left(temporary, tmp_path):
    others, mine = tmp_path / "others", temporary / "dlbench-mine"
    others.mkdir()
    (others / "kept").write_text("kept")
    mine.symlink_to(others)
    supervisor.remove(str(mine))
    assert (others / "kept").read_text() == "kept"


def test_the_parent_removes_the_folder_of_a_supervisor_that_was_killed(temporary, monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "build:litter")
    child = fresh_child(1, 60.0)
    child.request(Build(spec=SPEC), Built)
    assert len(held(temporary)) == 3
    os.kill(child.process.supervisor, signal.SIGKILL)
    child.close()
    assert held(temporary) == []


def test_a_child_is_not_started_without_a_folder_for_temporary_files(temporary, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(temporary / "nowhere"))
    for isolation in ("fresh", "fork"):
        with Starter() as starter, pytest.raises(ChildError, match="set TMPDIR to a folder with free space") as caught:
            starter(SPEC, Policy(isolation=isolation))
        assert caught.value.status == "crashed"
