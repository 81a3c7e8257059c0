"""The page as Markdown (GitHub's tables). Whatever a plugin says is text, never markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph, Table
from dlbench.report.model import Report
from dlbench.report.page import page

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(r"([\\`*_\[\]|])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LEADING = re.compile(r"^(#|[-+](?=\s)|\d+[.)](?=\s))")


def render(report: Report) -> str:
    """The whole report."""
    return text(list(page(report)))


def text(blocks: Sequence[Block]) -> str:
    """Some blocks of a page."""
    return "\n\n".join(_block(block) for block in blocks) + "\n"


def plain(text: str) -> str:
    """Without escape sequences, marks that turn text around, and control characters other than tab and newline."""
    return _CONTROL.sub("", text)


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {_escaped(text)}"
        case Paragraph(text):
            return _escaped(text)
        case Bullets(items):
            return "\n".join(f"- {_escaped(item)}" for item in items)
        case Code(text):
            return _fenced(plain(text).rstrip("\n"))
        case Table(head, rows):
            rule = ["---", *["---:"] * (len(head) - 1)]
            return "\n".join(_row(cells) for cells in [[_escaped(cell) for cell in head], rule, *map(_cells, rows)])


def _cells(cells: Sequence[str]) -> list[str]:
    return [_escaped(cell) for cell in cells]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """One line in which nothing is markup."""
    line = " ".join(plain(text).split())
    line = "".join(_ENTITIES.get(character, character) for character in line)
    return _LEADING.sub(r"\\\1", _MARKUP.sub(r"\\\1", line))


def _fenced(text: str) -> str:
    """A fence longer than any within."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
