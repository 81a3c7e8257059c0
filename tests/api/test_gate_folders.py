"""A gate that was killed leaves nothing for long: the next one removes its folder and its checkouts."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from command import started
from pull_requests import repository

from dlbench.api import commits
from dlbench.errors import DlbenchError
from studies.gate.repository import git

pytestmark = pytest.mark.untimed

GATE = """
import sys, tempfile
from pathlib import Path
from dlbench.api import commits
from dlbench.workers.environments import commands
from dlbench.record import interrupts
interrupts.listen()
commits._installed = lambda side, checkout, environment, recipe: commands.do(
    commands.Place(side, checkout, {"PATH": "/bin:/usr/bin"}), ["sh", "-c", recipe.install[0]], "") or "python"
hashes = {"base": commits.commit(Path.cwd(), "base"), "head": commits.commit(Path.cwd(), "no-op")}
with commits.environments(Path.cwd(), hashes, commits.Recipe("", sys.argv[1:]), print):
    print("measuring", flush=True)
    sys.stdin.read()
"""


KILL = "kill -9 $(ps -o ppid= -p $PPID)"
"""An installer ends the gate: its parent is a supervisor, which the gate started."""


@pytest.fixture
def repo(tmp_path, monkeypatch):
    made = repository(tmp_path / "net")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    return made


def gate(repo, install, **more):
    return started([sys.executable, "-c", GATE, install], cwd=repo, stdin=subprocess.PIPE, **more)


def left(repo):
    return sorted(one.name[:13] for one in (repo.parent / "temporary").iterdir()), git(repo, "worktree", "list")


def test_the_next_gate_removes_what_a_killed_one_left_and_nothing_else(repo):
    other = repo.parent / "own"
    git(repo, "worktree", "add", "--quiet", "--detach", str(other), "base")
    other.rename(repo.parent / "elsewhere")
    with gate(repo, KILL) as killed:
        killed.wait(timeout=120)
    assert killed.returncode == -signal.SIGKILL
    assert left(repo)[0] == ["dlbench-gate-"]
    assert "dlbench-gate-" in left(repo)[1]
    with gate(repo, "true", stdout=subprocess.PIPE, text=True) as running:
        while running.stdout.readline() != "measuring\n":
            assert running.poll() is None
        with gate(repo, "true") as second:
            second.communicate(timeout=120)
        assert second.returncode == 0
        assert left(repo)[0] == ["dlbench-gate-"], "that of a gate that runs stays"
        assert left(repo)[1].count("dlbench-gate-") == 2
        running.communicate(timeout=120)
    assert running.returncode == 0
    assert left(repo)[0] == []
    assert "dlbench-gate-" not in left(repo)[1]
    assert str(other) in left(repo)[1], "a checkout of the user's own is not forgotten, though it was moved"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_gate_that_is_told_to_end_leaves_nothing_and_nobody(repo, number):
    with gate(repo, "sleep 600 & echo $! > ../../installer; wait", stderr=subprocess.DEVNULL) as told:
        seen, patience = repo.parent / "temporary" / "installer", time.monotonic() + 120
        while not (seen.exists() and seen.read_text().strip()):
            assert time.monotonic() < patience
            assert told.poll() is None
            time.sleep(0.02)
        told.send_signal(number)
        told.wait(timeout=120)
    installer = int(seen.read_text())
    seen.unlink()
    assert left(repo)[0] == []
    assert "dlbench-gate-" not in left(repo)[1]
    patience = time.monotonic() + 60
    while Path(f"/proc/{installer}").exists() and "\nState:\tZ" not in Path(f"/proc/{installer}/status").read_text():
        assert time.monotonic() < patience
        time.sleep(0.02)


def test_a_folder_of_somebody_else_is_left_alone(repo, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "dlbench-gate-elsewhere").mkdir()
    (tmp_path / "temporary" / "dlbench-gate-link").symlink_to(tmp_path / "dlbench-gate-elsewhere")
    (tmp_path / "dlbench-gate-elsewhere" / "owner").touch()
    (tmp_path / "temporary" / "dlbench-gate-mine").mkdir()
    with contextlib.ExitStack() as stack, pytest.raises(DlbenchError, match="git worktree failed"):
        stack.enter_context(commits.environments(repo, {"base": "0" * 40}, commits.Recipe("", ()), print))
    names = sorted(one.name for one in (tmp_path / "temporary").iterdir())
    assert names == ["dlbench-gate-link", "dlbench-gate-mine"]
    assert (tmp_path / "dlbench-gate-elsewhere" / "owner").exists()
