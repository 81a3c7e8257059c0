"""The plugin that the README shows works as it stands there: installed, checked and measured."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from command import DLBENCH, SHORT

from dlbench import architectures
from dlbench.record.reading import read_runs

pytestmark = pytest.mark.untimed

SECTION = (Path(__file__).parents[1] / "README.md").read_text().partition("## Your own plugin")[2].partition("\n## ")[0]
LINES = [line.strip() for line in re.findall(r"^    (dlbench .*)$", SECTION, re.MULTILINE)]


def block(language: str) -> str:
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)
    return str(found)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The README's code and entry point, as an installer leaves them."""
    points = tomllib.loads(block("toml"))["project"]["entry-points"]["dlbench.plugins"]
    (value,) = points.values()
    (tmp_path / f"{value.partition(':')[0]}.py").write_text(block("python"))
    info = tmp_path / "dlbench_acme-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: dlbench-acme\nVersion: 0.1.0\n")
    lines = "\n".join(f"{name} = {target}" for name, target in points.items())
    (info / "entry_points.txt").write_text(f"[dlbench.plugins]\n{lines}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    return tmp_path


def dlbench(line: str, folder: Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Carry out a line as it stands there; what it measures, with short samples."""
    words = line.split()[1:]
    words = [*(SHORT if words[0] == "run" else [DLBENCH]), *words, *more]
    return subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)


def test_the_readmes_plugin_keeps_every_clause_that_can_be_seen_of_it(installed):
    (line,) = [line for line in LINES if line.startswith("dlbench check")]
    found = dlbench(line, installed)
    assert found.returncode == 0, found.stdout + found.stderr
    assert ", 0 broken, " in found.stdout
    for clause in ("the_loss_is_the_stated_one", "the_optimizer_is_the_stated_adam", "what_is_unsupported_is_raised"):
        assert f"holds          {clause}" in found.stdout


def test_the_readmes_plugin_is_measured_by_the_readmes_line(installed):
    (line,) = [line for line in LINES if line.startswith("dlbench run")]
    found = dlbench(line, installed, "--out", "out")
    assert found.returncode == 0, found.stdout + found.stderr
    assert {run.status for run in read_runs(installed / "out" / "runs.jsonl")} == {"ok"}


def test_the_words_that_are_taken_are_those_of_the_core():
    taken = SECTION.partition("eight words are taken:")[2].partition("name what")[0]
    assert set(re.findall(r"`(\w+)`", taken)) == set(architectures._MODULES)


def test_a_word_of_the_core_for_another_architecture_is_explained(installed):
    """The trap: the same plugin under the name of another architecture."""
    points = installed / "dlbench_acme-0.1.0.dist-info" / "entry_points.txt"
    points.write_text(points.read_text().replace("acme.tiny", "acme.mlp"))
    found = dlbench("dlbench check acme.mlp --task line --path eager", installed)
    assert found.returncode == 1
    assert found.stdout.startswith("acme.mlp eager, small, task line; mlp names an architecture that dlbench describes")
    assert found.stdout.count("the word after the dot, mlp, names an architecture that dlbench describes") == 1
    assert "choose another word for an architecture of your own" in found.stdout
    points.write_text(points.read_text().replace("acme.mlp", "acme.mpl"))
    near = dlbench("dlbench run --plugin acme.mpl --dry-run", installed)
    assert (near.returncode, len(near.stderr.splitlines())) == (2, 1)
    assert "mpl is an architecture of the plugin's own; if mlp was meant, which dlbench describes, it is misspelt" in (
        near.stderr
    )
    assert "--task" in near.stderr
