"""Tables with headers that a screen reader reads out, in frames that scroll if the window is narrow."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlbench.report.document import Cell, Matrix, Table
from dlbench.report.html.addresses import Addresses
from dlbench.report.html.markup import element, escaped, spoken

VERDICTS = ("faster", "slower", "same", "inconclusive", "indicative")
LONGEST_FIGURE = 40
"""Characters of a cell up to which its parts stand on a line each."""
_PARTS = re.compile(r"(?<=[,)]) | (?=\()")
"""Spaces between the parts of a cell: after a comma, and around a bracket."""


def table(block: Table, caption: str) -> str:
    """The table; its caption names it for those who do not see where it stands."""
    head = [_head(escaped(cell)) for cell in block.head] if any(block.head) else []
    rows = [element("th", escaped(cells[0]), scope="row") + "".join(map(_cell, cells[1:])) for cells in block.rows]
    return _framed(head, rows, caption)


def matrix(block: Matrix, caption: str, addresses: Addresses) -> str:
    """Arms by workloads; each cell leads to its evidence and says its verdict."""
    head = [_head(addresses.link(cell.text, cell.evidence)) for cell in block.head]
    rows = [
        element("th", addresses.link(cells[0].text, cells[0].evidence), scope="row")
        + "".join(_of_matrix(cell, addresses) for cell in cells[1:])
        for cells in block.rows
    ]
    return _framed(head, rows, caption)


def _framed(head: Sequence[str], rows: Sequence[str], caption: str) -> str:
    top = element("thead", element("tr", "".join(head))) if head else ""
    body = element("tbody", "".join(element("tr", row) for row in rows))
    inner = element("table", element("caption", escaped(caption)) + top + body)
    return element("div", inner, class_="wide", tabindex=0, role="region", aria_label=caption or "Table")


def _head(content: str) -> str:
    return element("th", content, scope="col") if content else "<td></td>"


def _cell(cell: str) -> str:
    """A cell; one that is a verdict, or begins with one, has its colour beside its word."""
    if len(cell) > LONGEST_FIGURE:
        return element("td", spoken(cell), class_="text")
    return _coloured(_on_lines(cell), cell.partition(" ")[0])


def _of_matrix(cell: Cell, addresses: Addresses) -> str:
    said = f" {element('em', escaped(cell.verdict))}" if cell.verdict else ""
    linked = addresses.link(cell.text, cell.evidence)
    shown = linked if linked.startswith("<a") else _on_lines(cell.text)
    return _coloured(shown + said, cell.verdict.partition(" ")[0])


def _coloured(content: str, verdict: str) -> str:
    return element("td", content, class_=verdict) if verdict in VERDICTS else element("td", content)


def _on_lines(cell: str) -> str:
    """A value, its interval, its verdict, and items of a list: a line may end after each, and within none."""
    return " ".join(element("span", escaped(part)) for part in _PARTS.split(cell))
