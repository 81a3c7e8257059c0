"""Ranges of versions, commits and lock files, and what is refused."""

from __future__ import annotations

import os
import re

import pytest
from packaging.requirements import Requirement

from dlbench.errors import SpecError
from dlbench.workers.environments import ranges
from dlbench.workers.environments.layers import Recipe
from studies.bisection.packages import repository, wheel, wheels
from studies.gate.repository import git

pytestmark = pytest.mark.untimed

ANY = Recipe(("",))


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheels")
    wheels(folder, [1] * 12)
    return Recipe(("",), (str(folder),))


@pytest.fixture(scope="module")
def repo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repositories") / "step"
    return folder, repository(folder, [1, 2, 3])


@pytest.mark.slow
def test_versions_come_in_the_order_of_versions_and_an_end_may_be_written_in_another_way(found):
    one = ranges.versions("acme-step==1.8..1.10.0", found)
    assert [candidate.name for candidate in one.candidates] == ["1.8", "1.9", "1.10"]
    assert one.candidates[0].recipe.words == ("acme-step==1.8",)


@pytest.mark.slow
def test_pre_releases_are_members_if_an_end_is_one(tmp_path):
    for version in ("1.0", "1.1rc1", "1.1", "1.2.dev3"):
        wheel(tmp_path, version, "")
    recipe = Recipe(("",), (str(tmp_path),))
    names = [
        [one.name for one in ranges.versions(f"acme-step=={ends}", recipe).candidates]
        for ends in ("1.0..1.1", "1.0..1.2.dev3")
    ]
    assert names == [["1.0", "1.1"], ["1.0", "1.1rc1", "1.1", "1.2.dev3"]]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acme-step==1.0..1.99", "acme-step has no version 1.99 for this Python"),
        ("nobody-has-this==1.0..1.1", "pip finds no version of nobody-has-this"),
    ],
)
def test_ends_that_do_not_exist_are_one_line(found, text, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        ranges.versions(text, found)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acme-step==1.5..1.2", "the ends are the wrong way round; give the older one first"),
        ("acme-step==1.5..1.5.0", "both ends are the same"),
        ("acme-step", "is no range of versions; give PACKAGE==OLD..NEW"),
        ("acme-step==new..1.2", "'new' is no version"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused_before_pip_is_asked(text, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        ranges.versions(text, ANY)


def test_commits_run_along_the_first_parents_with_their_subjects(repo):
    folder, hashes = repo
    one = ranges.commits(str(folder), f"{hashes[0]}..HEAD", "", ANY)
    assert [candidate.name for candidate in one.candidates] == [name[:12] for name in hashes]
    assert one.candidates[2].title == "Change 2"
    assert one.candidates[2].recipe.words == (f"git+file://{folder}@{hashes[2]}",)
    inner = ranges.commits(str(folder), f"{hashes[0]}..HEAD", "acme_step", ANY)
    assert inner.candidates[0].recipe.words[0].endswith("#subdirectory=acme_step")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("HEAD~2", "is no range of commits"),
        ("HEAD..HEAD", "both ends are the same"),
        ("HEAD..HEAD~1", "the wrong way round"),
        ("nowhere..HEAD", "has no commit 'nowhere'"),
    ],
)
def test_commits_that_make_no_range_are_refused(repo, text, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        ranges.commits(str(repo[0]), text, "", ANY)


@pytest.mark.parametrize("subdirectory", ["plugins/x", "pyproject.toml", "../acme_step"])
def test_a_folder_that_neither_end_has_is_refused(subdirectory, repo):
    with pytest.raises(SpecError, match=re.escape(f"has no folder {subdirectory} at HEAD~1 or HEAD")):
        ranges.commits(str(repo[0]), "HEAD~1..HEAD", subdirectory, ANY)


def test_no_repository_and_a_dirty_one_are_refused(repo, tmp_path):
    with pytest.raises(SpecError, match="is no Git repository"):
        ranges.commits(str(tmp_path), "a..b", "", ANY)
    with pytest.raises(SpecError, match="No such file"):
        ranges.commits(str(tmp_path / "nowhere"), "a..b", "", ANY)
    git(tmp_path, "clone", "--quiet", str(repo[0]), "dirty")
    (tmp_path / "dirty" / "pyproject.toml").write_text("changed")
    with pytest.raises(SpecError, match=r"changes that are not committed .*pyproject.toml"):
        ranges.commits(str(tmp_path / "dirty"), "HEAD~1..HEAD", "", ANY)


def test_lock_files_are_put_from_one_to_the_other_package_by_package(tmp_path):
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("# made\nNumPy==1.0\nb==2.0\ngone==1.0\nalike==5\n")
    new.write_text("numpy==1.1 --hash=sha256:0\nb==2.1\nalike==5\n")
    found = ranges.locks(str(old), str(new), ANY)
    assert [one.recipe.words for one in found.candidates] == [
        ("b==2.0", "gone==1.0", "numpy==1.0", "alike==5"),
        ("b==2.1", "gone==1.0", "numpy==1.0", "alike==5"),
        ("b==2.1", "numpy==1.0", "alike==5"),
        ("b==2.1", "numpy==1.1", "alike==5"),
    ]
    assert [one.title for one in found.candidates[1:]] == ["b 2.0 → 2.1", "gone 1.0 → none", "numpy 1.0 → 1.1"]


def test_a_lock_file_may_pin_a_source_as_pip_freeze_prints_it(tmp_path):
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text("a @ file:///wheels/a-1-py3-none-any.whl\nb==1\n-e git+https://host/c@0123#egg=c\n")
    new.write_text("--no-binary c\na==2\nb==1\n-e git+https://host/c@0123#egg=c\n")
    found = ranges.locks(str(old), str(new), ANY)
    assert [one.recipe.words for one in found.candidates] == [
        ("a@file:///wheels/a-1-py3-none-any.whl", "b==1"),
        ("a==2", "b==1"),
    ]
    assert found.candidates[1].title == "a @file:///wheels/a-1-py3-none-any.whl → 2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("numpy>=1\n", "pins no version"),
        ("numpy==1.*\n", "pins no version"),
        ("a b\n", "is no requirement"),
        ("-r more.txt\n", "names another file"),
        ("-rmore.txt\n", "names another file"),
        ("-cmore.txt\n", "names another file"),
        ("--constraint=more.txt\n", "names another file"),
    ],
)
def test_a_lock_file_that_pins_nothing_is_refused_by_line(tmp_path, text, said):
    (tmp_path / "old.txt").write_text(text)
    with pytest.raises(SpecError, match=f"old.txt:1: .*{said}"):
        ranges.locks(str(tmp_path / "old.txt"), str(tmp_path / "old.txt"), ANY)


@pytest.mark.parametrize("option", ["-e ", "-e", "--editable="])
def test_an_editable_install_of_one_lock_file_is_refused(tmp_path, option):
    old, new = tmp_path / "old.txt", tmp_path / "new.txt"
    old.write_text(f"a==1\n{option}git+https://host/c@0123#egg=c\n")
    new.write_text(f"a==2\n{option}git+https://host/c@4567#egg=c\n")
    with pytest.raises(
        SpecError, match=rf"old.txt:2: '{option}git.*@0123#egg=c' is an editable install, which the other file has not"
    ):
        ranges.locks(str(old), str(new), ANY)


def test_equal_lock_files_are_refused(tmp_path):
    (tmp_path / "old.txt").write_text("a==1\n")
    with pytest.raises(SpecError, match="pin the same versions"):
        ranges.locks(str(tmp_path / "old.txt"), str(tmp_path / "old.txt"), ANY)


def test_requirements_are_followed_through_other_packages():
    assert {"dlbench", "numpy", "click"} <= ranges.requirements_of(["dlbench"])
    assert "acme-step" not in ranges.requirements_of(["dlbench"])


def test_optional_requirements_count_near_the_package_alone(monkeypatch):
    of = {"a": ['b; extra == "x"', "c[y]"], "b": ['d; extra == "z"'], "c": ['e; extra == "y"', 'f; extra == "z"']}
    monkeypatch.setattr(ranges, "_required", lambda name: [Requirement(word) for word in of.get(name, ())])
    assert ranges.requirements_of(["a"]) == {"a", "c", "e"}
    assert ranges.requirements_of(["a"], optional=1) == {"a", "b", "c", "e"}
    assert ranges.requirements_of(["a"], optional=2) == {"a", "b", "c", "d", "e", "f"}


def test_a_repository_of_another_user_is_said_to_be_one(repo, tmp_path, monkeypatch):
    git = tmp_path / "git"
    said = "fatal: detected dubious ownership in repository at '/of another/clone'"
    git.write_text(f'#!/bin/sh\n[ "$LC_ALL" = C ] && echo "{said}" >&2 || echo "fatal: zweifelhaft" >&2; exit 128\n')
    git.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    words = r"is another user's; git config --global --add safe\.directory '/of another/clone' lets git read it"
    with pytest.raises(SpecError, match=words):
        ranges.commits(str(repo[0]), "HEAD~1..HEAD", "", ANY)
