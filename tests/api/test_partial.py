"""A partial report of an interrupted gate: it says so, and how the same is measured again."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from example_runs import full_session, spec

from dlbench.api import render
from dlbench.api import run as session
from dlbench.record import journal
from dlbench.record.schema import Plan
from dlbench.spec import Policy

pytestmark = pytest.mark.untimed

GATE = "dlbench gate --base 1234 --head 5678"


def test_a_partial_report_has_the_command_of_its_gate_and_not_that_of_the_run_inside(tmp_path):
    options = SimpleNamespace(folder=tmp_path / "out", formats=("markdown", "json"), again=GATE)
    with journal.begin(tmp_path / "out", Plan(session="s", specs=(spec(),), policy=Policy())) as book:
        book.append(full_session())
        result = session._result(options, book, session.Proven(()))
    for report in (result.report, render.read(tmp_path / "out")[1]):
        assert report.command == GATE
    page = (tmp_path / "out" / "report.md").read_text()
    assert "not gated: the session was interrupted, so nothing is decided" in page
    assert GATE in page
    assert "dlbench run" not in page
