"""Words and figures that a reader could take for something else."""

from __future__ import annotations

import pytest
from example_runs import full_session

from dlbench.report import FORMATS, summarize, units
from dlbench.report.document import Details, Table
from dlbench.report.page import page

pytestmark = pytest.mark.untimed


def test_steps_after_which_compiling_pays_are_whole_and_have_two_figures():
    found = [units.steps(value) for value in (0.2, 6.7, 7.0, 7.0000000001, 126.2, 17991.2, 140054.0)]
    whole = ["1 step", "7 steps", "7 steps", "7 steps", "130 steps", "18,000 steps", "140,000 steps"]
    assert found == [f"about {text}" for text in whole]


def test_the_two_times_of_a_step_are_told_apart_once():
    text = FORMATS["markdown"].render(summarize(full_session()))
    assert text.count("Step time is that of steps in a row") == 1
    assert "| In all, peak |" in text


def test_settings_that_all_arms_share_stand_apart_from_those_that_differ():
    blocks = [block for block in page(summarize(full_session())) if isinstance(block, Details)]
    (configuration,) = [one for one in blocks if one.title.startswith("Configuration")]
    tables = {one.head[0]: one for one in configuration.blocks if isinstance(one, Table)}
    differing, alike = tables[""], tables["Alike in all arms"]
    assert alike.head == ["Alike in all arms", "Requested", "Actual"]
    assert "precision" in [row[0] for row in alike.rows]
    assert all(len(set(row[2:])) > 1 for row in differing.rows)
    assert "compiler" in [row[0] for row in differing.rows]
