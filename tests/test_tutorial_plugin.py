"""The tutorial of a plugin: each step is what it says, from a constant to a plugin that conforms and is measured."""

from __future__ import annotations

import re
import shutil

import pytest
from typed_pages import PAGES, Shell, blocks, lines

PAGE = (PAGES / "tutorial-plugin.md").read_text(encoding="utf-8")
STEPS = [step for step in PAGE.split("\n## ")[1:] if "class Slope" in step]

pytestmark = [pytest.mark.untimed, pytest.mark.slow]


def block(language: str, text: str) -> str:
    (found,) = blocks(language, text)
    return found


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Shell:
    """The package of the page, built from its own pyproject.toml, and installed."""
    shell = Shell(tmp_path_factory.mktemp("acme"))
    (shell.folder / "pyproject.toml").write_text(block("toml", PAGE))
    (shell.folder / "dlbench_acme.py").write_text(block("python", STEPS[0]))
    shell.type("pip install -e .")
    return shell


@pytest.fixture
def shell(built, tmp_path) -> Shell:
    """A folder of its own with that package."""
    found = Shell(tmp_path)
    shutil.copytree(built.site, found.site)
    return found


def matches(shown: str, said: str) -> None:
    """Fail unless each shown line begins one that was said; its times are any times, and `...` is any end."""
    lines = [" ".join(line.split()) for line in said.splitlines()]
    for line in shown.splitlines():
        start = re.escape(" ".join(line.split()).removesuffix("...").strip())
        pattern = re.sub(r"[\d\\.]+\\ (?:[nµm]?s)\b", r"[\\d.,]+ [nµm]?s", start)
        assert any(re.match(pattern, one) for one in lines), (line, said)


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_a_step_gives_the_answer_that_it_shows(place, shell):
    step = STEPS[place]
    (shell.site / "dlbench_acme.py").write_text(block("python", step))
    (line,) = lines(step)
    shown = block("text", step)
    broken = [one for one in shown.splitlines() if one.startswith("broken")]
    said = shell.type(line, code=bool(broken))
    matches(shown, said)
    assert len([one for one in said.splitlines() if one.lstrip().startswith("broken")]) == len(broken)


@pytest.mark.parametrize("number", [1, 5, 6])
def test_the_other_steps_give_what_they_show(number, shell):
    (step,) = [part for part in PAGE.split("\n## ") if part.startswith(f"{number}. ")]
    for name, text in (("pyproject.toml", block("toml", PAGE)), ("dlbench_acme.py", block("python", STEPS[-1]))):
        (shell.folder / name).write_text(text)
    (shell.site / "dlbench_acme.py").write_text(block("python", STEPS[-1]))
    if number == 6:
        (shell.folder / "test_acme.py").write_text(block("python", step))
    said = "".join(shell.type(line) for line in lines(step))
    matches("".join(blocks("text", step)), said)


def test_there_are_three_versions():
    assert len(STEPS) == 3
