"""The page on a terminal, without the details that the file holds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
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
            return Padding(_Fitted(head, rows), (0, 0, 1, 0))
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


class _Fitted(NamedTuple):
    """A table in the width that it is given."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield _grid(self.head, self.rows, options.max_width)


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]], width: int) -> Grid:
    """A table of at most that width; where cells have to be broken, no lines stand between its columns."""
    texts = [[" ".join(plain(cell).split()) for cell in cells] for cells in (head, *rows)]
    columns = list(zip(*texts, strict=True))
    grid, gap = Grid(show_edge=False, pad_edge=False), 3
    if sum(max(map(cell_len, column)) + gap for column in columns) - gap > width:
        grid, gap = Grid(box=box.SIMPLE_HEAD, show_edge=False, padding=0), 1
    for place, room in enumerate(_widths(columns, width - gap * (len(columns) - 1))):
        grid.add_column(Text(texts[0][place]), justify="right" if place else "left", overflow="fold", width=room)
    for cells in texts[1:]:
        grid.add_row(*map(Text, cells))
    return grid


def _widths(columns: Sequence[Sequence[str]], room: int) -> list[int]:
    """Widths of columns that fit: the widest is narrowed first, and none below its longest word before all are."""
    least = [*map(_longest_word, columns)]
    widths = [min(max(1, *map(cell_len, column)), max(room, 1)) for column in columns]
    while sum(widths) > max(room, len(widths)):
        at = max(range(len(widths)), key=lambda one: (widths[one] > least[one], widths[one]))
        widths[at] -= 1
    return widths


def _longest_word(column: Sequence[str]) -> int:
    return max((cell_len(word) for cell in column for word in cell.split()), default=1)
