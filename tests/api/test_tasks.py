"""Facts of the tasks: the command prints the arrays that a model gets, and the page for users says the same."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlbench.api.tasks import MADE_TO_MEASURE, explained, facts
from dlbench.cli.main import cli
from dlbench.tasks import TASKS, TaskRequest, open_task, row_of

pytestmark = pytest.mark.untimed

PAGE = Path(__file__).parents[2] / "docs" / "tasks.md"
FIXED = [name for name, row in TASKS.items() if row.fits]


def test_the_facts_of_a_task_in_words():
    assert facts("digits") == (
        "(batch, height 28, width 28, channels 1) float32",
        "(batch) int32, one of 10 classes",
        "(batch, 10) float32",
        "cross_entropy",
        "accuracy at least 0.92 within 600 steps (base: 0.93 within 400 steps)",
    )


@pytest.mark.parametrize("name", FIXED)
def test_every_axis_of_the_inputs_has_a_name(name):
    assert len(TASKS[name].axes) == len(open_task(name, TaskRequest("small", 2)).signature.inputs.shape) - 1


@pytest.mark.parametrize("name", FIXED)
def test_the_page_says_what_the_command_prints(name):
    if name == "text" and sys.version_info[:2] != (3, 11):
        pytest.skip("the help topics have other symbols in another version of Python")
    assert f"| `{name}` | {' | '.join(facts(name))} |" in PAGE.read_text().splitlines()


def test_the_command_prints_every_task(monkeypatch):
    done = CliRunner().invoke(cli, ["list", "--tasks"])
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    for name in FIXED:
        row = row_of(name)
        at = lines.index(f"  {name}: {row.summary}, for {row.of}") + 1
        shown = [line.split(maxsplit=1)[1] for line in lines[at : at + 5]]
        assert shown == list(facts(name))
    (own,) = [at for at, line in enumerate(lines) if line.startswith("  data: ")]
    assert lines[own + 1].strip() == MADE_TO_MEASURE


def test_a_task_without_its_data_says_how_to_get_it(monkeypatch, tmp_path):
    from dlbench.tasks import digits

    digits.digits.cache_clear()
    monkeypatch.setattr("dlbench.tasks.data_files._spec", lambda shipped: [])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert "get it: dlbench fetch digits" in explained("digits")[1]
