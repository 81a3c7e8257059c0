"""The article's programs are the models that dlbench describes, and train as people run them."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAMS = sorted(path.stem for path in (ROOT / "examples/article").glob("*.py") if path.stem != "data")
PAGES = [ROOT / "docs/article.md", ROOT / "docs/article-zh.md"]

pytestmark = pytest.mark.untimed

PARAMETERS = {
    "mlp": 784 * 64 + 64 + 64 * 64 + 64 + 64 * 10 + 10,
    "cnn": 320 + 18496 + 1600 * 64 + 64 + 650,
    "rnn": 50 + 2500 + 50 + 51,
    "lstm": 4 * (50 + 2500 + 50) + 51,
    "gru": 3 * (50 + 2500 + 2 * 50) + 51,
}
"""By hand, from the sizes that the pages state."""


def test_the_seven_programs_stand_on_both_pages():
    assert PROGRAMS == ["cnn", "gan", "gru", "lstm", "mlp", "rnn", "transformer"]
    for page in PAGES:
        assert re.findall(r"`examples/article/(\w+)\.py` \|", page.read_text()) == [
            "mlp", "cnn", "rnn", "lstm", "gru", "transformer", "gan",
        ]  # fmt: skip


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_sentences_with_figures_are_those_of_the_kept_report(page):
    report = (ROOT / "reports/all-plugins/report.md").read_text()
    quoted = re.findall(r"^    (tf .* against .*)$", page.read_text(), re.MULTILINE)
    assert len(quoted) == 2
    assert all(line in report for line in quoted)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_trains_by_fit(program):
    tree = ast.parse((ROOT / f"examples/article/{program}.py").read_text())
    calls = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert {"model.compile", "model.fit"} <= calls


TINY = """
import runpy, sys
import data
for make in (data.images, data.series, data.text):
    make.__defaults__ = (64,)
runpy.run_path(f"{sys.argv[1]}.py", run_name="__main__")
"""


def ended(*command, folder):
    return subprocess.run([str(one) for one in command], check=False, cwd=folder, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_runs_on_few_samples_and_its_model_has_the_stated_size(program):
    counted = f"import {program}; model = {program}.make(); print('parameters', model.count_params())"
    folder = ROOT / "examples/article"
    if program in PARAMETERS:
        said = ended(sys.executable, "-c", counted, folder=folder)
        assert f"parameters {PARAMETERS[program]}" in said.stdout
    done = ended(sys.executable, "-c", TINY, program, folder=folder)
    assert done.returncode == 0, done.stderr
    assert "Epoch 3/3" in done.stdout


def commands(page):
    """Commands without their comments, which are in the language of the page."""
    return re.findall(r"^    ((?:python|dlbench) .*?) *(?:#.*)?$", page.read_text(), re.MULTILINE)


def test_both_pages_have_the_same_commands():
    assert commands(PAGES[0]) == commands(PAGES[1])


@pytest.mark.slow
@pytest.mark.parametrize("command", [one for one in commands(PAGES[0]) if one.startswith("dlbench")])
def test_a_command_of_the_pages_runs_at_tiny_size(command, tmp_path):
    words = shlex.split(command)[1:]
    if "--suite" in words:
        words += ["--dry-run"]
    else:
        phase = [] if "explain" in words else ["--phase", "train"]
        words += ["--quick", "--threads", "1", "--out", str(tmp_path / "out"), *phase]
    done = ended(sys.executable, "-m", "dlbench", *words, folder=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
