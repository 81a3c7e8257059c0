"""The page on a terminal, without the details that the file holds."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

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
    Table,
    brief,
)
from dlbench.report.markdown import plain
from dlbench.report.model import Report
from dlbench.report.page import page

LEAST_WIDTH = 60
"""Columns below which a page is not squeezed: a terminal that is narrower, or that says 0, breaks the lines itself."""


def console(*, errors: bool = False, quiet: bool = False) -> Console:
    """Console of pages: standard output, or standard error for progress."""
    found = Console(stderr=errors, quiet=quiet)
    found.width = max(found.width, LEAST_WIDTH)
    return found


def render(report: Report) -> RenderableType:
    """Text that rich prints."""
    return blocks(list(page(report)))


def blocks(parts: Sequence[Block]) -> RenderableType:
    """Some blocks of a page."""
    found = list(brief(parts))
    folded = [part.title for part in found if isinstance(part, Details) and not part.unfolded]
    more = [_block(Paragraph(f"More in the file: {'; '.join(folded)}."))] if folded else []
    return Group(*(_block(part) for part in found if not isinstance(part, Details) or part.unfolded), *more)


def height(parts: Sequence[Block]) -> int:
    """Lines that they take on standard output."""
    return len(console().render_lines(blocks(parts)))


def _block(block: Block) -> RenderableType:
    match block:
        case Heading(level, text):
            return Text(plain(text), style="bold underline" if level == 1 else "bold")
        case Paragraph(text):
            return Padding(Text(plain(text), style="dim"), (0, 0, 1, 0))
        case Bullets(items):
            lines = Text("\n").join(Text(f"• {' '.join(plain(item).split())}") for item in items)
            return Padding(lines, (0, 0, 1, 0))
        case Code(text):
            return Padding(Text(plain(text), style="dim"), (0, 0, 0, 4))
        case Table(head, rows):
            return Padding(_grid(head, rows), (0, 0, 1, 0))
        case Answer() | Matrix() | Details() | Chart():
            return _of_answer(block)


def _of_answer(block: Answer | Matrix | Details | Chart) -> RenderableType:
    match block:
        case Answer(statements):
            return _block(Bullets([one.text for one in statements]))
        case Matrix(head, rows):
            return Padding(_matrix(head, rows), (0, 0, 1, 0))
        case Details(title, parts):
            return Group(_block(Heading(2, title)), blocks(parts))
        case Chart():
            return Text()


def _matrix(head: Sequence[Cell], rows: Sequence[Sequence[Cell]]) -> Grid:
    """A line each for ratio, interval and verdict, so that five arms stand in 80 columns."""
    grid = Grid(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for place, cell in enumerate(head):
        grid.add_column(_lines(cell), justify="right" if place else "left", overflow="fold")
    for cells in rows:
        grid.add_row(*map(_lines, cells))
    return grid


def _lines(cell: Cell) -> Text:
    ratio, bracket, interval = " ".join(plain(cell.text).split()).partition(" (")
    parts = (ratio, f"({interval}" if bracket else "", plain(cell.verdict))
    return Text("\n".join(" ".join(part.split()) for part in parts if part))


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Grid:
    grid = Grid(show_edge=False, pad_edge=False)
    for place, cell in enumerate(head):
        grid.add_column(Text(plain(cell)), justify="right" if place else "left", overflow="fold")
    for cells in rows:
        grid.add_row(*(Text(" ".join(plain(cell).split())) for cell in cells))
    return grid
