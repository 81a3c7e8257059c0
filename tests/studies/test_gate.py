"""The study of the action's gate: what is run, what is kept, and the page of it."""

from __future__ import annotations

import json
import subprocess

import pytest

from dlbench.cli.configuration import _suite, project
from studies.decision_quality import pool
from studies.gate import __main__ as study
from studies.gate import repository
from studies.gate.__main__ import NO_OP, PLANTED, Found
from studies.gate.workflow import Workflow

pytestmark = pytest.mark.untimed


@pytest.fixture
def ran(monkeypatch):
    """The numbers of the pull requests that were run, planted ones as red, without measuring."""
    branches = []

    def step(self, name, folder, **more):
        message = repository.git(folder, "log", "-1", "--format=%s", "HEAD^2")
        branches.append(message)
        self.outputs.write_text(f"result={'regression' if message == PLANTED else 'passed'}\n")
        return subprocess.CompletedProcess([], 1 if message == PLANTED else 0, "", "")

    monkeypatch.setattr(Workflow, "step", step)
    return branches


def test_pull_requests_are_run_in_turn_and_none_twice(tmp_path, ran):
    found = list(study.pull_requests(tmp_path, [NO_OP, PLANTED], 2))
    assert ran == [NO_OP, PLANTED] * 2
    assert [(one.kind, one.number, one.result, one.red) for one in found] == [
        (NO_OP, 0, "passed", False), (PLANTED, 0, "regression", True),
        (NO_OP, 1, "passed", False), (PLANTED, 1, "regression", True),
    ]  # fmt: skip
    assert list(study.pull_requests(tmp_path, [NO_OP, PLANTED], 3))[:4] == found
    assert len(ran) == 6


def test_a_pull_request_that_was_stopped_is_run_again(tmp_path, ran):
    (tmp_path / "no-op-000" / "runner").mkdir(parents=True)
    (one,) = study.pull_requests(tmp_path, [NO_OP], 1)
    assert one.result == "passed"
    assert json.loads((tmp_path / "no-op-000" / "found.json").read_text())["kind"] == NO_OP


def test_the_page_counts_what_was_red_and_what_was_undecided():
    found = [Found(NO_OP, 0, "passed", False, 1.0), Found(NO_OP, 1, "undecided", False, 3.0)]
    text = study.page([*found, Found(PLANTED, 0, "regression", True, 2.0)], [("gemm", PLANTED, 93)], 100)
    assert "| no-op | 2 | 0 | 1 | 2.0 | 3.0 |" in text
    assert "| planted | 1 | 1 | 0 | 2.0 | 2.0 |" in text
    assert "| gemm | planted | 93 |" in text


def test_the_planted_change_is_three_percent_of_the_work_and_the_suite_can_be_read(tmp_path, monkeypatch):
    assert "range(103)" in study.TEXTS[PLANTED]
    assert [name for name in (repository.BASE, NO_OP) if "range(100)" in study.TEXTS[name]] == [repository.BASE, NO_OP]
    (tmp_path / "pyproject.toml").write_text(study.SETTINGS)
    monkeypatch.chdir(tmp_path)
    assert _suite("gate", project()).options["fail-on"] == ["slower:1%"]


def test_sessions_drawn_from_the_pool_are_seldom_red_without_a_change_and_mostly_with_one():
    drawn = {(load, kind): red for load, kind, red in study.replayed(study.POOL, 50)}
    assert drawn["gemm", NO_OP] <= 2
    assert drawn["gemm", PLANTED] >= 40
    assert pool.read(study.POOL)
