"""A supervisor above each child: the child's end is known at once, and nothing that it started is left."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import msgspec
import psutil
import pytest
from left_over import left_over

from dlbench.spec import Policy, Spec
from dlbench.workers import family
from dlbench.workers.backends import Starter
from dlbench.workers.child import ChildError, fresh_child
from dlbench.workers.protocol import Build, Built, First, Stepped

pytestmark = [
    pytest.mark.untimed,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has sub-reapers"),
]

SPEC = Spec(plugin="naughty.linear", phase="train", path="eager", size="small", task="line", batch_size=32, threads=1)
HELPERS = "build:helper build:helper=daemon build:helper=fork build:helper=holds"


@pytest.fixture
def mark(monkeypatch):
    """A variable that all processes of a test inherit."""
    name = f"DLBENCH_TEST_{uuid.uuid4().hex}"
    monkeypatch.setenv(name, "1")
    return name


@pytest.fixture(params=["fresh", "fork"])
def start(request, monkeypatch, mark):
    with Starter() as starter:

        def start(misdeed, timeout=300.0):
            monkeypatch.setenv("DLBENCH_FAKE", misdeed)
            return starter(SPEC, Policy(isolation=request.param, timeout_seconds=timeout))

        yield start


def test_helpers_in_sessions_of_their_own_end_with_the_run(start, mark):
    child = start(HELPERS)
    child.request(Build(spec=SPEC), Built)
    own = {child.process.pid, child.process.supervisor}
    assert len(set(family.below(child.process.supervisor)) - own) >= 4
    child.close()
    assert [one for one in left_over(mark) if "dlbench.workers.fork_server" not in one.cmdline()] == []


def test_a_crash_is_known_at_once_though_a_helper_holds_the_pipes(start):
    child = start("build:helper=fork build:signal=SIGSEGV")
    with pytest.raises(ChildError, match="SIGSEGV") as caught:
        child.request(Build(spec=SPEC), Built)
    assert caught.value.status == "crashed"


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_helpers_end_with_dlbench(how, mark):
    program = (
        "import time; from dlbench.workers.child import fresh_child\n"
        "from dlbench.workers.protocol import Build, Built\n"
        "from dlbench.spec import Spec; from msgspec import UNSET; child = fresh_child(1, 300.0)\n"
        f"child.request(Build(spec={SPEC!r}), Built)\n"
        "print('up', flush=True); time.sleep(300)"
    )
    environment = {**os.environ, "DLBENCH_FAKE": HELPERS}
    with subprocess.Popen([sys.executable, "-c", program], env=environment, stdout=subprocess.PIPE) as parent:
        assert parent.stdout.readline() == b"up\n"
        family_of_it = psutil.Process(parent.pid).children(recursive=True)
        assert len(family_of_it) >= 6, "a supervisor, a child and its helpers"
        parent.send_signal(how)
    assert psutil.wait_procs(left_over(mark), timeout=60)[1] == []


def test_how_a_child_ended_is_known_where_sigchld_is_ignored(monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "build:signal=SIGSEGV")
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        child = fresh_child(1, 300.0)
        with pytest.raises(ChildError, match="was ended by SIGSEGV"):
            child.request(Build(spec=SPEC), Built)
        child.close()
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_child_without_helpers_has_used_no_time_of_theirs_and_a_busy_one_is_counted(monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:helper=busy@1!")
    child = fresh_child(1, 300.0)
    child.request(Build(spec=SPEC), Built)
    assert child.helper_seconds() == 0.0
    assert child.wait_until_idle()
    child.request(First(), Stepped)
    patience = time.monotonic() + 100
    while child.helper_seconds() < 0.5:
        assert time.monotonic() < patience
        time.sleep(0.05)
    assert not child.wait_until_idle(), "the helper is at work in the turn of others"
    child.close()
    assert child.helper_seconds() is None


def test_a_stopped_supervisor_costs_patience_and_leaves_nothing(monkeypatch, mark):
    monkeypatch.setattr("dlbench.workers.process.ENDING_SECONDS", 0.5)
    monkeypatch.setenv("DLBENCH_FAKE", HELPERS)
    child = fresh_child(1, 300.0)
    child.request(Build(spec=SPEC), Built)
    os.kill(child.process.supervisor, signal.SIGSTOP)
    child.close()
    assert psutil.wait_procs(left_over(mark), timeout=60)[1] == []


def open_descriptors():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def test_children_leave_no_descriptor_open(monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "")
    before = open_descriptors()
    for _ in range(3):
        child = fresh_child(1, 300.0)
        child.request(Build(spec=SPEC), Built)
        child.output_tail()
        child.close()
    assert open_descriptors() <= before  # the collector may have closed one of an earlier test


def test_an_interpreter_that_is_gone_is_a_row(tmp_path):
    child = fresh_child(1, 300.0, python=str(tmp_path / "python"))
    with pytest.raises(ChildError, match="exited with code 127") as caught:
        child.request(Build(spec=SPEC), Built)
    assert caught.value.status == "crashed"
    assert "No such file" in child.output_tail()
    child.close()


def test_in_this_process_a_plugin_that_changes_the_folder_changes_it_for_itself_alone(monkeypatch, tmp_path):
    from dlbench_fake import naughty

    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path / "home")
    monkeypatch.setattr(naughty, "MISCHIEF", naughty.Mischief(f"build:chdir={tmp_path}"))
    seen = []
    step = naughty.LinearPlugin.train_step
    monkeypatch.setattr(naughty.LinearPlugin, "train_step", lambda *own: (seen.append(Path.cwd()), step(*own))[1])
    spec = msgspec.structs.replace(SPEC, plugin="naughty.linear")
    with Starter() as starter:
        child = starter(spec, Policy(isolation="none"))
        child.request(Build(spec=spec), Built)
        assert Path.cwd() == tmp_path / "home"
        child.request(First(), Stepped)
    assert set(seen) == {tmp_path}
    assert Path.cwd() == tmp_path / "home"
