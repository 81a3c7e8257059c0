"""The action and the tables of the page: short, valid, and gates that can be planned."""

from __future__ import annotations

import json
import re
import subprocess

import pytest

from dlbench.cli import gate_request
from dlbench.cli import main as command_line
from studies.gate.workflow import ACTION, COMMENT, MEASURE, steps

pytestmark = pytest.mark.untimed


def blocks(language):
    return re.findall(
        rf"^```{language}\n(.*?)^```", (ACTION.parent / "docs" / "gate.md").read_text(), re.MULTILINE | re.DOTALL
    )


def test_a_repository_adopts_the_gate_in_a_dozen_lines():
    workflow, table = blocks("yaml")[0], blocks("toml")[0]
    assert 5 < len(workflow.splitlines()) <= 12
    assert "uses: dlbench/dlbench@" in workflow
    assert len(table.splitlines()) <= 6
    assert "task = " in table, "a plugin of one's own has no default task"
    assert all(len(one.splitlines()) <= 6 for one in blocks("toml"))
    assert "$DLBENCH/plugins/dlbench-torch" in blocks("toml")[1], "a model needs the package of its framework"
    assert table.startswith("[tool.dlbench.gate]\n")


def test_the_steps_are_scripts_that_bash_reads():
    assert {MEASURE, COMMENT, "Install dlbench"} == set(steps())
    for script in steps().values():
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0
        assert "${{" not in script, "an expression in a script would run what a title of a pull request says"


@pytest.mark.parametrize("table", [0, 1])
def test_the_tables_of_the_page_are_gates_that_can_be_planned(tmp_path, monkeypatch, table):
    (tmp_path / "pyproject.toml").write_text(blocks("toml")[table])
    monkeypatch.chdir(tmp_path)
    assert json.dumps(gate_request.configuration.install()) != "[]"
    context = command_line.cli.commands["run"].make_context("run", ["--suite", "gate"])
    assert gate_request.configuration.configured(context, context.params).options["fail_on"]
