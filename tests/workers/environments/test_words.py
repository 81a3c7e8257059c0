"""Words of `--env`: requirements and interpreters, wheels and commits."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from dlbench.errors import SpecError
from dlbench.workers.environments import words
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.layers import Recipe

pytestmark = pytest.mark.untimed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("torch-free==1.0", True),
        ("git+file:///somewhere@main", True),
        ("dist/acme-1.0-py3-none-any.whl", True),
        (".venv/bin/python", False),
        ("python3.11", False),
    ],
)
def test_requirements_and_interpreters_are_told_apart(text, answer):
    assert words.is_requirement(text) is answer


@pytest.mark.parametrize(
    ("text", "said"),
    [("a=b==", "'b==' is no requirement"), ("a=nowhere.whl", "there is no wheel nowhere.whl")],
)
def test_a_requirement_that_nobody_can_read_is_one_line(tmp_path, text, said):
    with pytest.raises(SpecError, match=re.escape(said)):
        words.resolve([text], Cache(tmp_path), ())


@pytest.mark.parametrize("value", ["{}", "'{}'", '"{}",b==1', "b==1 '{}' --no-deps"])
def test_the_path_of_a_wheel_may_have_spaces(value, tmp_path):
    path = tmp_path / "my wheels" / "a-1-py3-none-any.whl"
    path.parent.mkdir()
    path.write_text("wheel")
    assert words.is_requirement(value.format(path))
    found = words.recipe(value.format(path), ())
    assert sorted(found.words) == sorted({str(path), *(["b==1"] if "b==1" in value else [])})
    assert found.dependencies is ("--no-deps" not in value)


@pytest.mark.parametrize(
    ("value", "said"), [("a==1 'b", "a quotation has no end"), ("a==1 --pre", "--pre is no option of an environment")]
)
def test_words_of_an_environment_that_nobody_can_read_are_one_line(value, said):
    with pytest.raises(SpecError, match=said):
        words.recipe(value, ())


@pytest.mark.parametrize(
    "recipe",
    [
        Recipe(("a==1", "b==2"), dependencies=False),
        Recipe(("git+file:///a%20b/c@" + "0" * 40 + "#subdirectory=x",), build_isolation=False),
        Recipe(("/a b/c-1-py3-none-any.whl", "d[e,f]==1"), ("a b",)),
    ],
)
def test_a_recipe_is_written_as_it_is_read(recipe, monkeypatch):
    monkeypatch.setattr(words, "requirement", lambda text: text)
    assert words.recipe(words.written(recipe), recipe.find_links) == recipe


def test_a_branch_is_the_commit_that_it_is_at_now(tmp_path):
    home = tmp_path / "repository"
    git = ["git", "-C", str(home), "-c", "user.name=n", "-c", "user.email=e@example.com"]
    subprocess.run(["git", "init", "-q", "-b", "main", str(home)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    first = words.requirement(f"git+file://{home}@main#subdirectory=a")
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "two"], check=True)
    second = words.requirement(f"git+file://{home}@main#subdirectory=a")
    assert re.fullmatch(rf"git\+file://{home}@[0-9a-f]{{40}}#subdirectory=a", first)
    assert first != second
    assert words.requirement(second) == second
    for word in (f"git+file://{home}@HEAD~1", f"git+file://{home}@{first.partition('@')[2][:7]}"):
        assert words.requirement(f"{word}#subdirectory=a") == first
    assert words.requirement(f"git+file://{home}#subdirectory=a") == second
    assert words.requirement("git+https://localhost:1/none@main") == "git+https://localhost:1/none@main"


def test_a_commit_that_a_local_repository_has_not_is_one_line(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path / "empty")], check=True)
    (tmp_path / "folder").mkdir()
    for name, said in (
        ("none@main", "none: No such file or directory; give the folder of a clone"),
        ("folder@main", "folder is no Git repository; give the folder of a clone"),
        ("empty@main", "empty has no commit 'main'; give a commit, a branch or a tag of it"),
        ("empty", "empty has no commit 'HEAD'"),
    ):
        with pytest.raises(SpecError, match=re.escape(f"{tmp_path}/{said}")):
            words.requirement(f"git+file:{tmp_path}/{name}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("git+file:a b@" + "0" * 40, "git+file://{here}/a%20b@" + "0" * 40),
        ("git+file:/a/b@" + "0" * 40 + "#subdirectory=c", "git+file:///a/b@" + "0" * 40 + "#subdirectory=c"),
        ("git+file:~/a@" + "0" * 40, "git+file://{home}/a@" + "0" * 40),
        ("git+file://~/a@" + "0" * 40, "git+file://{home}/a@" + "0" * 40),
        ("git+file:///a%20b@" + "0" * 40, "git+file:///a%20b@" + "0" * 40),
    ],
)
def test_a_repository_may_be_named_by_its_folder(text, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert words.requirement(text) == expected.format(here=tmp_path, home=Path.home())
