"""The page as Markdown (GitHub's tables). Whatever a plugin says is text, never markup."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from dlbench.report.chart import Chart
from dlbench.report.document import (
    Answer,
    Block,
    Bullets,
    Cell,
    Code,
    Details,
    Heading,
    Matrix,
    Paragraph,
    Statement,
    Table,
    anchor,
)
from dlbench.report.model import Report
from dlbench.report.page import page

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
_MARKUP = re.compile(r"([\\`*_\[\]|]|~(?!/))")
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_LEADING = re.compile(r"^(#|[-+=](?=[\s=-]|$)|\d+(?=[.)](?:\s|$)))")
_ADDRESS = re.compile(r"(:(?=//)|\bwww(?=\.)|(?<=[\w.+-])@)", re.IGNORECASE)
CELLS = 4096
"""Texts whose escaped form is remembered: the cells of tables repeat."""
APART = "<!---->"
"""A comment that shows nothing, and has no space to be wrapped at; within an address it makes plain text of it."""


def render(report: Report) -> str:
    """The whole report."""
    return text(list(page(report)))


def text(blocks: Sequence[Block]) -> str:
    """Some blocks of a page."""
    return "\n\n".join(filter(None, map(_block, blocks))) + "\n"


def plain(text: str) -> str:
    """Without escape sequences, marks that turn text around, and control characters other than tab and newline."""
    return text if text.isprintable() else _CONTROL.sub("", text)


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"{'#' * level} {escaped(text)}"
        case Paragraph(text):
            return escaped(text)
        case Bullets(items):
            return "\n".join(f"- {escaped(item)}" for item in items)
        case Code(text):
            return _fenced(plain(text).rstrip("\n"))
        case Table(head, rows):
            rule = ["---", *["---:"] * (len(head) - 1)]
            return "\n".join(_row(cells) for cells in [[escaped(cell) for cell in head], rule, *map(_cells, rows)])
        case Answer() | Matrix() | Details() | Chart():
            return _of_answer(block)


def _of_answer(block: Answer | Matrix | Details | Chart) -> str:
    match block:
        case Answer(statements):
            return "\n".join(f"- {_statement(one)}" for one in statements)
        case Matrix(head, rows):
            lines = [[_cell(cell) for cell in cells] for cells in (head, *rows)]
            return "\n".join(_row(cells) for cells in [lines[0], ["---", *["---:"] * (len(head) - 1)], *lines[1:]])
        case Details():
            return _folded(block)
        case Chart():
            return ""


def _statement(one: Statement) -> str:
    shown = f" ({_link('evidence', one.evidence)})" if anchor(one.evidence) else ""
    return f"{escaped(one.text)}{shown}"


def _cell(cell: Cell) -> str:
    text = _link(cell.text, cell.evidence) if anchor(cell.evidence) else escaped(cell.text)
    return " ".join(filter(None, (text, escaped(cell.verdict))))


def _link(text: str, title: str) -> str:
    return f"[{escaped(text)}](#{anchor(title)})"


def _folded(block: Details) -> str:
    """A fold of GitHub's; the lines around the blocks are empty, so that they are read as Markdown."""
    named = f'<a id="{name}"></a>' if (name := anchor(block.title)) else ""
    summary = f": {_text(block.summary)}" if block.summary else ""
    head = f"<summary>{named}<b>{_text(block.title)}</b>{summary}</summary>"
    return f"<details{' open' if block.unfolded else ''}>{head}\n\n{text(block.blocks)}\n</details>"


def _text(text: str) -> str:
    """One line of text within HTML, where GitHub reads no Markdown."""
    line = " ".join(plain(text).split())
    return line.translate(_ENTITIES)


def _cells(cells: Sequence[str]) -> list[str]:
    return [escaped(cell) for cell in cells]


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


@lru_cache(CELLS)
def escaped(text: str) -> str:
    """One line in which nothing is markup, and no address becomes a link."""
    return begun(_ADDRESS.sub(rf"\1{APART}", _MARKUP.sub(r"\\\1", _text(text))))


def begun(line: str) -> str:
    """The line without markup at its beginning: a heading, a list, a rule."""
    return _LEADING.sub(_unmarked, line)


def _unmarked(found: re.Match[str]) -> str:
    """A number is followed by a sign that can be escaped; any other sign is escaped itself."""
    return f"{found[0]}{APART}" if found[0].isdigit() else f"\\{found[0]}"


def _fenced(text: str) -> str:
    """A fence longer than any within."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"
