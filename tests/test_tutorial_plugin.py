"""The tutorial of a plugin: each step is what it says, from a constant to a plugin that conforms and is measured."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from command import DLBENCH

PAGE = (Path(__file__).parents[1] / "docs/tutorial-plugin.md").read_text()
STEPS = [step for step in PAGE.split("\n## ")[1:] if "class Slope" in step]

pytestmark = [pytest.mark.untimed, pytest.mark.slow]


def block(language: str, text: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The metadata of the page, as an installer leaves it."""
    points = tomllib.loads(block("toml", PAGE))["project"]["entry-points"]
    info = tmp_path / "dlbench_acme-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dlbench-acme\nVersion: 0.1.0\n")
    groups = [
        f"[{group}]\n" + "\n".join(f"{one} = {to}" for one, to in named.items()) for group, named in points.items()
    ]
    (info / "entry_points.txt").write_text("\n".join(groups))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def typed(text: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    (line,) = re.findall(r"^    (dlbench .*)$", text, re.MULTILINE)
    words = [DLBENCH, *line.split()[1:], *more]
    return subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)


@pytest.mark.parametrize("place", range(len(STEPS)))
def test_a_step_gives_the_answer_that_it_shows(place, folder):
    step = STEPS[place]
    (folder / "dlbench_acme.py").write_text(block("python", step))
    found = typed(step, folder)
    said = [" ".join(line.split()) for line in found.stdout.splitlines()]
    shown = [" ".join(line.split()) for line in block("text", step).splitlines()]
    for line in shown:
        assert any(one.startswith(line.removesuffix("...").strip()) for one in said), (line, found.stdout)
    broken = [line for line in shown if line.startswith("broken")]
    assert len([line for line in said if line.startswith("broken")]) == len(broken)
    assert found.returncode == bool(broken)


def test_the_last_step_is_measured(folder):
    (folder / "dlbench_acme.py").write_text(block("python", STEPS[-1]))
    (step,) = [part for part in PAGE.split("\n## ") if part.startswith("5. ")]
    found = typed(step, folder, "--out", "out")
    assert found.returncode == 0, found.stdout + found.stderr


def test_there_are_three_versions():
    assert len(STEPS) == 3
