"""`dlbench bisect` and `dlbench env`: refusals in one line, the answer with its exit code, and a real search."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import msgspec
import pytest
from found_bisection import FOUND

from dlbench.api.bisection import facts, state
from dlbench.cli import bisect_request, explain, upgrades
from dlbench.cli import main as command_line
from dlbench.errors import DlbenchError, RecordError, SpecError, UnknownName
from dlbench.stats.bisection.answer import Change
from dlbench.stats.bisection.search import Step
from dlbench.workers.environments import layers
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.layers import Recipe
from studies.bisection.packages import PLUGIN, repository, wheel, wheels
from studies.gate.repository import git

pytestmark = pytest.mark.untimed

MEASURED = ("--plugin", PLUGIN, "--phase", "predict", "--task", "line")


def run(*words):
    return command_line.cli.main([str(word) for word in words], standalone_mode=False)


def dlbench(*words, cache):
    """The command in a process of its own, with a cache of its own."""
    environment = {**os.environ, "DLBENCH_CACHE": str(cache), "PYTHONPATH": ""}
    return subprocess.Popen(
        [sys.executable, "-m", "dlbench", *map(str, words)],
        env={name: value for name, value in environment.items() if name != "PYTHONPATH"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a bisection has one range, and none is given; give package==1.0..1.5"),
        (("a==1..2", "b==1..2"), "a bisection has one range, and 2 are given"),
        (("--lock", "old.txt"), "--lock compares two requirement files, and these are given: old.txt"),
        (("--lock", "--git", ".", "a..b"), "--git and --lock are two ways"),
        (("a==2..1",), "the wrong way round"),
        (("a==1..2", "--find-links", "nowhere"), "--find-links nowhere is no folder"),
        (("a==1..2", "--budget", "-1"), "budget is -1.0"),
        (("a==1..2", "--timeout", "0"), "timeout is 0.0"),
        (("--git", "/nowhere", "a..b"), "/nowhere: No such file or directory; give the folder of a clone"),
    ],
)
def test_what_makes_no_search_is_one_line(words, said):
    with pytest.raises(DlbenchError, match=re.escape(said)):
        run("bisect", *MEASURED, *words)


def test_nothing_to_measure_and_unknown_metrics_are_refused():
    with pytest.raises(SpecError, match="nothing is measured; give --plugin"):
        run("bisect", "a==1..2")
    with pytest.raises(UnknownName, match="unknown metric 'speed'"):
        run("bisect", "a==1..2", *MEASURED, "--metric", "speed")


def test_a_folder_without_a_search_cannot_be_resumed(tmp_path):
    with pytest.raises(RecordError, match="holds no bisection"):
        run("bisect", "--resume", tmp_path)


@pytest.mark.parametrize("more", [("a==1..2",), ("--metric", "memory"), ("--plugin", "fake.linear")])
def test_a_search_that_goes_on_takes_no_other_words(more, tmp_path):
    state.write(tmp_path, state.State(["a==1..2", "--plugin", "fake.linear"], ["1", "2"]))
    with pytest.raises(SpecError, match="--resume goes on with a search as it was asked; leave"):
        run("bisect", "--resume", tmp_path, *more)


def test_a_strip_is_not_explained():
    with pytest.raises(SpecError, match="--explain is of one step, and --all may name several"):
        run("bisect", "a==1..2", "--all", "--explain", *MEASURED)


def test_the_cache_is_listed_as_json(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path))
    run("env", "list", "--json")
    assert json.loads(capsys.readouterr().out) == {"folder": str(tmp_path / "environments"), "environments": []}
    with pytest.raises(SpecError, match="name the environments to remove"):
        run("env", "remove")


def test_an_unfinished_environment_is_listed_as_such(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path))
    (tmp_path / "environments" / "acme-0123" / "bin").mkdir(parents=True)
    run("env", "list")
    assert "unfinished" in capsys.readouterr().out
    run("env", "list", "--json")
    (one,) = json.loads(capsys.readouterr().out)["environments"]
    assert (one["name"], one["unfinished"], one["bytes"]) == ("acme-0123", True, 0)
    run("env", "remove", "--all")
    assert capsys.readouterr().out == "removed acme-0123\n"


@pytest.mark.parametrize(
    ("metric", "more", "said"),
    [
        ("quality", ("--phase", "train"), "quality_at_budget is no figure of the phase train; give --phase converge"),
        ("time", ("--phase", "converge"), "step_time is no figure of the phase converge; give --phase train"),
        ("memory", ("--explain",), "--explain says where the time goes, and the metric is memory"),
    ],
)
def test_a_metric_that_the_search_cannot_have_is_refused(metric, more, said, tmp_path):
    pins(tmp_path)
    words = ("--lock", tmp_path / "old.txt", tmp_path / "new.txt", "--plugin", "fake.linear", "--metric", metric)
    with pytest.raises(SpecError, match=said):
        run("bisect", *words, *more)


def pins(folder):
    """Two lock files that differ in two packages."""
    for name, version in (("old", 1), ("new", 2)):
        (folder / f"{name}.txt").write_text(f"acme=={version}.0\nnumpy=={version}.5\nalike==3\n")


def request(*words):
    """The request of `dlbench bisect`, and the command's own options."""
    command = upgrades.bisect
    with command.make_context("bisect", [str(word) for word in words]) as context:
        return bisect_request.read(context, context.params, [str(word) for word in words])


def shown_again(asked, monkeypatch):
    """The recipes of both sides that the command which shows the first step makes, in a dry run of its own."""
    made = []
    monkeypatch.setattr(
        Cache, "environment", lambda _, recipe, *more: made.append(recipe) or SimpleNamespace(python=sys.executable)
    )
    words = shlex.split(facts.again(asked, Step(0, 1, None, "confirmed")))
    assert words[:2] == ["dlbench", "run"]
    assert run(*words[1:], "--dry-run") == 0
    return made


def test_the_command_that_shows_a_step_of_lock_files_again_makes_the_same_environments(tmp_path, monkeypatch, capsys):
    pins(tmp_path)
    links = tmp_path / "my wheels"
    links.mkdir()
    asked = request(
        *("--lock", tmp_path / "old.txt", tmp_path / "new.txt", "--no-build-isolation", f"--find-links={links}"),
        *("--plugin", "fake.linear", "--phase=train", "--threads", "1", "--budget=9", "--batch-size", "4"),
    )
    assert shown_again(asked, monkeypatch) == [one.recipe for one in asked.found.candidates[:2]]
    assert asked.found.candidates[1].recipe == Recipe(
        ("acme==2.0", "numpy==1.5", "alike==3"), (str(links),), build_isolation=False, dependencies=False
    )
    out = capsys.readouterr().out
    assert "0-old" in out
    assert "batch 4" in out


def test_the_command_that_shows_a_commit_again_makes_the_same_environments(tmp_path, monkeypatch):
    folder = tmp_path / "a b" / "repo"
    hashes = repository(folder, [1, 2])
    (folder / "x y").mkdir()
    (folder / "x y" / "pyproject.toml").write_text("")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--amend", "--no-edit")
    words = ("--git", folder, f"{hashes[0]}..HEAD", "--subdirectory", "x y", "--no-build-isolation")
    asked = request(*words, "--plugin", "fake.linear", "--phase", "train")
    assert shown_again(asked, monkeypatch) == [one.recipe for one in asked.found.candidates]
    assert asked.found.candidates[0].recipe.words[0].endswith(f"/a%20b/repo@{hashes[0]}#subdirectory=x%20y")


def test_both_sides_of_a_step_are_held_until_they_are_explained(tmp_path, monkeypatch):
    monkeypatch.setenv("DLBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(layers, "make", lambda recipe, folder, side: folder.mkdir(parents=True) or {})
    pins(tmp_path)
    asked = request("--lock", tmp_path / "old.txt", tmp_path / "new.txt", "--plugin", "fake.linear", "--phase", "train")
    change = Change(before="0-old", after="1-acme", verdict="confirmed")
    sides = facts.sides(asked, msgspec.structs.replace(FOUND, changes=(change,)))
    assert [word.partition("=")[0] for word in sides["env"]] == ["0-old", "1-acme"]
    found = Cache().all()
    assert len(found) == 2
    for one in found:
        with pytest.raises(SpecError, match="is used by another dlbench"):
            Cache().remove(one.key)


def test_an_explanation_that_fails_leaves_the_answer_as_it_is(monkeypatch, capsys):
    def refuse(*_):
        raise DlbenchError("acme has no profile")

    monkeypatch.setattr(explain, "explain", refuse)
    explain.beside({}, quiet=True, as_json=True)
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "not explained: acme has no profile\n")


@pytest.mark.slow
def test_a_planted_version_is_found_after_a_kill_and_a_resumption(tmp_path):
    wheels(tmp_path / "wheels", [100, 100, 100, 150])
    words = ("bisect", "acme-step==1.0..1.3", *MEASURED, "--find-links", tmp_path / "wheels", "--out", tmp_path / "one")
    first = dlbench(*words, cache=tmp_path / "cache")
    deadline = time.monotonic() + 300
    while not list((tmp_path / "one").glob("*/runs.jsonl")) and time.monotonic() < deadline:
        time.sleep(0.1)
    os.kill(first.pid, signal.SIGKILL)
    first.communicate()
    second = dlbench("bisect", "--resume", tmp_path / "one", "--json", cache=tmp_path / "cache")
    out, errors = second.communicate()
    assert second.returncode == 1, errors
    found = json.loads(out)
    (change,) = found["changes"]
    assert (change["before"], change["after"], change["verdict"]) == ("1.2", "1.3", "confirmed")
    assert change["differing"] == ["acme-step 1.2 → 1.3"]
    assert change["ratio"]["low"] < 1.5 < change["ratio"]["high"]


@pytest.mark.slow
def test_a_planted_commit_is_found(tmp_path):
    hashes = repository(tmp_path / "repo", [100, 100, 150, 150])
    words = ("--git", tmp_path / "repo", f"{hashes[0]}..HEAD", *MEASURED, "--no-build-isolation")
    done = dlbench("bisect", *words, "--out", tmp_path / "one", "--json", cache=tmp_path / "cache")
    out, errors = done.communicate()
    assert done.returncode == 1, errors
    (change,) = json.loads(out)["changes"]
    assert (change["after"], change["title"]) == (hashes[2][:12], "Change 2")


INEXACT = '''"""A linear model whose gradients are off by a factor."""

from dlbench_fake.linear import LinearPlugin


class Step(LinearPlugin):
    def gradients(self, batch):
        return {{name: value * {factor} for name, value in super().gradients(batch).items()}}
'''


@pytest.mark.slow
def test_a_version_whose_gradients_are_off_is_found_by_its_error(tmp_path):
    for version, factor in (("1.0", 1.0), ("1.1", 1.01), ("1.2", 1.01)):
        wheel(tmp_path / "my wheels", version, INEXACT.format(factor=factor))
    words = ("--plugin", PLUGIN, "--phase", "train", "--task", "line", "--metric", "error", "--out", tmp_path / "one")
    links = ("--find-links", tmp_path / "my wheels")
    done = dlbench("bisect", "acme-step==1.0..1.2", *words, *links, "--json", cache=tmp_path / "cache")
    out, errors = done.communicate()
    assert done.returncode == 1, errors
    (change,) = json.loads(out)["changes"]
    assert (change["before"], change["after"], change["verdict"]) == ("1.0", "1.1", "confirmed")
    assert change["ratio"]["ratio"] > 10
