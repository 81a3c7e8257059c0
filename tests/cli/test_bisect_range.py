"""The range of `dlbench bisect`: packages that the plugin does not use, and the range of a search that goes on."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlbench.api.bisection import state
from dlbench.api.bisection.members import Members
from dlbench.cli import bisect as command
from dlbench.cli import bisect_request, upgrades
from dlbench.cli.main import cli
from dlbench.errors import SpecError
from dlbench.session.listener import Quiet
from dlbench.workers.environments import used
from dlbench.workers.environments.layers import Recipe
from dlbench.workers.environments.ranges import Candidate, Found
from studies.bisection.packages import PLUGIN, repository

pytestmark = pytest.mark.untimed


def request(*words):
    """The request of `dlbench bisect`, and the command's own options."""
    command = upgrades.bisect
    with command.make_context("bisect", [str(word) for word in words]) as context:
        return bisect_request.read(context, context.params, [str(word) for word in words])


def test_a_package_that_the_plugin_does_not_use_is_refused():
    with pytest.raises(SpecError, match=r"acme-step or other is not what fake\.linear uses"):
        used.check(["acme-step", "other"], ["fake.linear"])
    for packages, plugins in ((["acme-step", "numpy"], ["fake.linear"]), (["acme-step"], [PLUGIN]), ([], ["fake.*"])):
        used.check(packages, plugins)


def test_lock_files_of_packages_that_the_plugin_does_not_use_are_refused(tmp_path):
    for name, version in (("old", 1), ("new", 2)):
        (tmp_path / f"{name}.txt").write_text(f"acme=={version}\nother=={version}\nnumpy==2\n")
    with pytest.raises(SpecError, match=r"acme or other is not what fake\.linear uses"):
        request("--lock", tmp_path / "old.txt", tmp_path / "new.txt", "--plugin", "fake.linear", "--phase", "train")


def test_a_repository_of_a_package_that_the_plugin_does_not_use_ends_the_search(monkeypatch):
    """Its commits would all be alike, and the ends the same."""
    made = SimpleNamespace(python=sys.executable, installed={"acme-step": "1.0"})
    cache = SimpleNamespace(environment=lambda *_: made)
    asked = SimpleNamespace(subjects=SimpleNamespace(selection={"plugin": ("fake.linear",)}))
    found = Found("repo", (), (Candidate("0123", Recipe(("git+file:///repo@0123",))),))
    monkeypatch.setattr("dlbench.workers.interpreters.plugins", lambda *_: ["fake.linear"])
    members = Members(found, asked, cache, Quiet(), {}, lambda: None)
    with pytest.raises(SpecError, match=r"acme-step is not what fake\.linear uses"):
        members.python(0)
    made.installed = {"dlbench-fake": "1.0"}
    assert members.python(0) == sys.executable


def test_a_search_goes_on_with_the_range_that_it_began(tmp_path):
    """Versions that were released since then, and commits that a branch has got, are left out."""
    folder, out = tmp_path / "repo", tmp_path / "out"
    hashes = [one[:12] for one in repository(folder, [1, 2, 3, 4])]
    state.write(out, state.State([], hashes[:3]))
    words = ("--git", folder, "HEAD~1..HEAD", "--plugin", PLUGIN, "--phase", "train", "--resume", out)
    assert [one.name for one in request(*words).found.candidates] == hashes[:3]
    found = Found("a", ("a",), tuple(Candidate(name, Recipe((f"a=={name}",))) for name in ("1.0", "1.1", "2.0")))
    assert [one.name for one in state.State([], ["1.0", "2.0"]).begun(found).candidates] == ["1.0", "2.0"]
    assert state.State([], ["1.0", "9.0"]).begun(found) == found


def test_a_search_goes_on_where_it_began_whatever_the_folder_of_the_call(tmp_path, monkeypatch):
    """Its words name files from there."""
    began, elsewhere = tmp_path / "began", tmp_path / "elsewhere"
    for folder in (began, elsewhere):
        folder.mkdir()
    for name, version in (("old", 1), ("new", 2)):
        (began / f"{name}.txt").write_text(f"numpy=={version}\n")
    monkeypatch.chdir(began)
    words = ["--lock", "old.txt", "new.txt", "--plugin", "fake.linear", "--phase", "train", "--out", "out"]
    state.opened(request(*words))
    monkeypatch.chdir(elsewhere)
    asked = []
    monkeypatch.setattr(command, "_shown", lambda request, _: asked.append((request, Path.cwd())) or 0)
    assert cli.main(["bisect", "--resume", "../began/out"], standalone_mode=False) == 0
    ((one, place),) = asked
    assert (place, Path.cwd()) == (began, elsewhere)
    assert one.folder.resolve() == began / "out"
    shutil.rmtree(began / "out")
    state.write(tmp_path / "out", state.State(words, ["0-old", "1-numpy"], begun_in=str(tmp_path / "gone")))
    with pytest.raises(SpecError, match=r"began in .*gone, and that is no folder; begin another one"):
        cli.main(["bisect", "--resume", "../out"], standalone_mode=False)
