"""The page as plain HTML, for notebooks. All text is escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

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
    anchor,
    brief,
)
from dlbench.report.markdown import plain
from dlbench.report.model import Report
from dlbench.report.page import page


def render(report: Report) -> str:
    """The page of a report."""
    return text(list(page(report)))


def text(blocks: Sequence[Block]) -> str:
    """Some blocks of a page, without the details that the file holds."""
    return "\n".join(_block(block) for block in brief(blocks))


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return _tag(f"h{level + 1}", _escaped(text))
        case Paragraph(text):
            return _tag("p", _escaped(text))
        case Bullets(items):
            return _tag("ul", "".join(_tag("li", _escaped(item)) for item in items))
        case Code(text):
            return _tag("pre", escape(plain(text)))
        case Table(head, rows):
            return _tag("table", _row("th", head) + "".join(_row("td", cells) for cells in rows))
        case Answer() | Matrix() | Details() | Chart():
            return _of_answer(block)


def _of_answer(block: Answer | Matrix | Details | Chart) -> str:
    match block:
        case Answer(statements):
            return _block(Bullets([one.text for one in statements]))
        case Matrix(head, rows):
            return _block(Table(_texts(head), [_texts(cells) for cells in rows]))
        case Details(title, parts, summary, unfolded):
            said = _tag("summary", _escaped(f"{title}: {summary}" if summary else title))
            opening = f'<details id="{anchor(title)}"{" open" if unfolded else ""}>'
            return f"{opening}{said}{text(parts)}</details>"
        case Chart():
            return ""


def _texts(cells: Sequence[Cell]) -> list[str]:
    return [" ".join(filter(None, (cell.text, cell.verdict))) for cell in cells]


def _row(kind: str, cells: Iterable[str]) -> str:
    return _tag("tr", "".join(_tag(kind, _escaped(cell)) for cell in cells))


def _escaped(text: str) -> str:
    return escape(" ".join(plain(text).split()))


def _tag(name: str, content: str) -> str:
    return f"<{name}>{content}</{name}>"
