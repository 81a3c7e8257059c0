"""Installers of environments: what they are asked, what they say, and what is not believed."""

from __future__ import annotations

import sys

import pytest

from dlbench.workers.environments import layers
from dlbench.workers.environments.commands import Place
from dlbench.workers.environments.layers import NothingInstallable, NotInstallable, Recipe

pytestmark = pytest.mark.untimed

FAILED_BUILD = """
  error: subprocess-exited-with-error
  Preparing metadata (pyproject.toml) did not run successfully.
      raise ValueError(message)
      ^^^^^
      ValueError: Invalid version `oh no`
      [end of output]

  note: This error originates from a subprocess, and is likely not a problem with pip.
error: metadata-generation-failed
See above for output.

note: This is an issue with the package mentioned above, not pip.
hint: See above for details.
"""


def test_a_build_that_fails_is_told_by_its_own_last_lines(tmp_path):
    program = f"print({FAILED_BUILD!r}); raise SystemExit(1)"
    with pytest.raises(NotInstallable) as error:
        layers._run(Place("old", tmp_path, {}), [sys.executable, "-c", program])
    assert str(error.value).startswith("old cannot be installed: Preparing metadata")
    assert str(error.value).endswith(
        "did not run successfully. | raise ValueError(message) | ValueError: Invalid version `oh no`"
    )


@pytest.mark.parametrize("said", ["ERROR: [Errno 28] No space left on device", "No space left on device (os error 28)"])
def test_a_disk_that_is_full_is_no_fault_of_a_requirement(said, tmp_path):
    program = f"print({said!r}); raise SystemExit(1)"
    with pytest.raises(NothingInstallable, match=r"old cannot be installed: .*No space left on device.*; make room"):
        layers._run(Place("old", tmp_path, {}), [sys.executable, "-c", program])


@pytest.mark.parametrize("form", ["{0} @ {2}", "{0}=={1} (from {2})"])
def test_uv_says_a_source_in_two_ways(form, monkeypatch, tmp_path):
    """uv 0.5 and uv 0.13; the source itself is there already."""
    asked, own = [], {}
    dry = f"Would install 3 packages\n + b==2\n + {form.format('a', '1', 'git+file:///a@0')}\n"
    dry += f" + {form.format('c', '3', 'git+file:///c@0')}\n"

    def run(_, command):
        asked.append(command)
        own.update(a="1")
        return dry if "--dry-run" in command else ""

    monkeypatch.setattr(layers, "installer", lambda: "uv")
    monkeypatch.setattr(layers, "_run", run)
    monkeypatch.setattr(layers, "own_packages", lambda _: own)
    layers._install(None, Recipe(("git+file:///a@main", "b")), tmp_path)
    assert asked[0][-1] == "git+file:///a@main"
    assert asked[-1][-2:] == ["b==2", "c @ git+file:///c@0"]


@pytest.mark.parametrize("dependencies", [True, False])
def test_uv_is_given_no_flag_twice_which_it_refuses(dependencies, monkeypatch, tmp_path):
    asked = []

    def run(_, command):
        asked.append([word for word in command if word.startswith("--") and word != "--find-links"])
        return " + a==1\n + b==2\n"

    monkeypatch.setattr(layers, "installer", lambda: "uv")
    monkeypatch.setattr(layers, "_run", run)
    monkeypatch.setattr(layers, "own_packages", lambda _: {"a": "1"})
    recipe = Recipe(("a @ file:///a.whl", "b==2"), ("x", "y"), build_isolation=False, dependencies=dependencies)
    layers._install(None, recipe, tmp_path)
    assert len(asked) == 3
    for flags in asked:
        assert len(flags) == len(set(flags))
    assert ["--no-deps" in flags for flags in asked] == [True, not dependencies, True]


@pytest.mark.parametrize("said", ["", "Would install\n + a is new\n"])
def test_an_installer_that_installs_nothing_or_speaks_in_another_way_is_not_believed(said, monkeypatch, tmp_path):
    monkeypatch.setattr(layers, "installer", lambda: "uv")
    monkeypatch.setattr(layers, "_run", lambda *_: said)
    monkeypatch.setattr(layers, "own_packages", lambda _: {"a": "1"} if said else {})
    with pytest.raises(NotInstallable, match="which is not understood" if said else "installed none of git"):
        layers._install(Place("old", tmp_path, {}), Recipe(("git+file:///a@main",)), tmp_path)


def test_another_version_than_was_asked_for_is_not_taken(monkeypatch, tmp_path):
    monkeypatch.setattr(layers, "_run", lambda *_: '{"a": ["1.0", []]}')
    with pytest.raises(NotInstallable, match=r"a==2\.0 was asked for, and a 1\.0 is there"):
        layers._read_back(Place("new", tmp_path, {}), Recipe(("a==2.0",)), tmp_path)


def test_a_source_of_the_version_below_is_installed_all_the_same_and_built_once(monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(layers, "installer", lambda: "pip")
    monkeypatch.setattr(layers, "_run", lambda _, command: asked.append(command) or "")
    monkeypatch.setattr(layers, "own_packages", lambda _: {"b": "2", "c": "3"})
    sources = ("git+file:///folder@main", "c[more] @ https://a.example/c.tar.gz")
    layers._install(None, Recipe(("a==1", *sources)), tmp_path)
    assert [one[-len(sources) :] for one in asked[:1]] == [list(sources)]
    assert {"--force-reinstall", "--no-deps"} < set(asked[0])
    assert "a==1" not in asked[0]
    assert asked[1][-3:] == ["a==1", "b==2", "c[more]==3"]
    assert "--force-reinstall" not in asked[1]
    assert len(asked) == 2
