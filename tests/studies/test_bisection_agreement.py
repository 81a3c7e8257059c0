"""Pages of bisections: real searches beside drawn ones, searches that were ended, and facts of what is kept."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest

from dlbench.stats.bisection.search import Outcome, Step
from studies.bisection import __main__ as pages
from studies.bisection import agreement, real, simulated
from studies.bisection.noise import KINDS

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]


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


ENDED = {"planted": "1.14", "code": 3, "said": "the budget of 0.001 s is used", "seconds": 1178}
FULL = {"named": [], "ratios": [], "groups": 81, "load": 1.0}


def test_a_search_that_was_ended_is_neither_undecided_nor_in_the_median(tmp_path):
    found = [FULL | ENDED, FULL | {"planted": "1.2", "code": 3, "said": "45 groups do not decide", "seconds": 300}]
    (tmp_path / real.FILE).write_text("\n".join(map(json.dumps, found)))
    head, _, planted, *_ = real.table(tmp_path).splitlines()
    cells = dict(zip(*([cell.strip() for cell in row.split("|")] for row in (head, planted)), strict=True))
    assert (cells["number"], cells["undecided"], cells["ended"]) == ("2", "1", "1")
    assert (cells["seconds, median"], cells["at most"]) == ("300", "300")
    (tmp_path / real.FILE).write_text(json.dumps(FULL | ENDED))
    assert "| 1 | 0 | 0 | 1 | 0 | – | – |" in real.table(tmp_path)


def test_the_groups_of_a_search_that_was_ended_have_a_row_of_their_own():
    kept = [line("1.3", 60, 1.04, 1.06), line("1.5", 50, 1.04, 1.06) | {"said": ENDED["said"]}]
    rows = agreement.table(kept, noise(0.005), 2)
    assert "| real | 1 | 60 |" in rows
    assert "| real, ended | 1 | 50 |" in rows


@pytest.mark.parametrize("noted", ["", "Three were ended by hand."])
def test_facts_of_the_searches_in_a_folder_come_from_that_folder(noted, tmp_path, monkeypatch):
    if noted:
        (tmp_path / "simulated.note.md").write_text(f"{noted}\n")
    monkeypatch.setattr(pages, "end_what_was_started", lambda: None)
    monkeypatch.setattr(sys, "argv", ["study", str(tmp_path), "--searches", "1"])
    pages.main()
    before_table = (tmp_path / "simulated.md").read_text().split("\n\n| Searches")[0]
    assert before_table.split("\n\n")[2:] == ([noted] if noted else [])


def test_a_step_that_is_left_out_of_an_answer_without_a_word_is_counted_apart():
    named = Step(4, 5, None, "confirmed")
    assert simulated.judged(Outcome("found", (), (named,)), [5, 10]) == "partly"
    assert simulated.judged(Outcome("undecided", (), (named,)), [5, 10]) == "undecided"
    assert simulated.judged(Outcome("found", (), (named,)), [5]) == "exact"


def test_the_method_says_how_often_a_small_step_is_left_out():
    page = (ROOT / "reports/bisection/simulated.md").read_text()
    row = next(line.split(" | ") for line in page.splitlines() if line.startswith("| 10 %, and 2.5 % beside it"))
    assert f"in {row[2]} of 100 drawn ranges" in (ROOT / "docs/method.md").read_text()
