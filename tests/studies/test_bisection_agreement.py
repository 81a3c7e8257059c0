"""Real searches beside drawn ones: groups and half-widths of each kind, and no row where nothing is kept."""

from __future__ import annotations

import random

import pytest

from studies.bisection import agreement
from studies.bisection.noise import KINDS

pytestmark = pytest.mark.untimed


def noise(spread):
    generator = random.Random(0)
    return {kind: [[generator.gauss(0, spread) for _ in range(3)] for _ in range(60)] for kind in KINDS}


def line(planted, groups, low, high):
    ratio = {"ratio": 1.05, "low": low, "high": high, "groups": 10}
    return {"planted": planted, "groups": groups, "ratios": [ratio] if planted else [], "noise": {"ends": [[0.0]]}}


def test_real_and_drawn_searches_stand_one_below_the_other():
    kept = [line("1.3", 60, 1.04, 1.06), line("1.5", 50, 1.04, 1.06), line("", 6, 0, 0), {"planted": "1.2"}]
    rows = agreement.table(kept, noise(0.005), 4).splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    assert [one[1:4] for one in cells if one[1] == "real"] == [["real", "2", "55"], ["real", "1", "6"]]
    assert [one[5] for one in cells if one[1] == "real"] == ["0.95%", "–"]
    drawn = [one for one in cells if one[1] == "drawn"]
    assert [one[2] for one in drawn] == ["4", "4"]
    assert float(drawn[0][3]) > float(drawn[1][3]) >= 6


def test_searches_of_a_kind_that_was_not_measured_have_no_row():
    rows = agreement.table([line("1.3", 60, 1.04, 1.06)], noise(0.005), 2)
    assert rows.count("| real |") == 1
