"""Lines and the picture of the kept report that README and the tutorial show are those of the report as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import report_picture

pytestmark = pytest.mark.untimed

ROOT = Path(__file__).parents[2]
REPORT = (ROOT / "reports/all-plugins/report.md").read_text(encoding="utf-8")
QUOTED = {
    "README.md": "These lines are of a kept one",
    "docs/tutorial-report.md": "The lines below are of that kept report",
}
"""Pages, and the words after which they quote."""


def cells(line: str) -> list[str]:
    return [re.sub(r"^\[(.*)\]\(#[\w-]+\)$", r"\1", cell.strip()) for cell in line.strip().strip("|").split("|")]


def matrix(lines: list[str]) -> dict[tuple[str, str], str]:
    """Cells of the first table by row and column."""
    head, *rows = [cells(line) for line in lines if line.strip().startswith("|") and "---" not in line]
    return {(row[0], column): cell for row in rows for column, cell in zip(head[1:], row[1:], strict=True)}


def quoted(page: str) -> list[str]:
    """Indented lines of a page below its word that they are of the kept report."""
    text = (ROOT / page).read_text(encoding="utf-8").partition(QUOTED[page])[2]
    lines = [line.strip() for line in text.partition("\n![")[0].splitlines() if line.startswith("    ")]
    return [line for line in lines if not line.startswith("dlbench")]


def untrue(lines: list[str]) -> list[str]:
    """Quoted lines that the report does not have; `...` stands for what was left out."""
    table = [line for line in REPORT.partition("\n<details")[0].splitlines() if line.startswith("|")]
    wrong = matrix([line for line in lines if line.startswith("|")]).items() - matrix(table).items()
    words = [part.strip(" ;,()") for line in lines if not line.startswith("|") for part in line.split("...")]
    return [*map(str, wrong), *(part for part in words if part not in REPORT)]


@pytest.mark.parametrize("page", QUOTED)
def test_lines_of_the_kept_report_are_in_it(page):
    lines = quoted(page)
    assert len(lines) >= 3
    assert untrue(lines) == []


def test_a_line_that_the_report_has_no_more_is_found():
    lines = ["jit against tf graph: faster on 8; ...", "| | tf graph | tf jit |", "| lstm base | 1 baseline | 0.5 |"]
    assert untrue(lines) == ["(('lstm base', 'tf jit'), '0.5')", "jit against tf graph: faster on 8"]


def test_the_picture_shows_the_report():
    picture = report_picture.PICTURE.read_bytes()
    assert report_picture.MARK.encode() + b"\0" + report_picture.shown().encode() in picture, (
        "the report changed: python tests/support/report_picture.py makes its picture"
    )
