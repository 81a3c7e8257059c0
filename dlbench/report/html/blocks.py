"""Blocks of a page as HTML: charts side by side, details folded, and links to the evidence of an answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, groupby

from dlbench.report.chart import Chart
from dlbench.report.document import Answer, Block, Bullets, Code, Details, Heading, Matrix, Paragraph, Table
from dlbench.report.html.addresses import Addresses
from dlbench.report.html.figure import figure
from dlbench.report.html.markup import element, escaped, preformatted, spoken
from dlbench.report.html.table import matrix, table


class Blocks:
    """The blocks of one page, which number its charts and its tables."""

    def __init__(self, addresses: Addresses) -> None:
        self._addresses = addresses
        self._charts = count()

    def text(self, blocks: Iterable[Block], title: str) -> str:
        """Blocks that stand under this title."""
        return "".join(self._side_by_side(blocks, title))

    def _side_by_side(self, blocks: Iterable[Block], title: str) -> Iterator[str]:
        for drawn, group in groupby(blocks, key=lambda block: isinstance(block, Chart)):
            made = "".join(self._block(block, title) for block in group)
            yield element("div", made, class_="charts") if drawn else made

    def _block(self, block: Block, title: str) -> str:
        match block:
            case Heading(_, text):
                return element("h3", escaped(text), **self._addresses.take(text))
            case Paragraph(text):
                return element("p", spoken(text))
            case Bullets(items):
                return element("ul", "".join(element("li", spoken(item)) for item in items))
            case Code(text):
                return element("pre", preformatted(text), tabindex=0)
            case Table():
                return _table(block, title)
            case Answer() | Matrix() | Details() | Chart():
                return self._of_answer(block, title)

    def _of_answer(self, block: Answer | Matrix | Details | Chart, title: str) -> str:
        match block:
            case Answer(statements):
                lines = (self._statement(one.text, one.evidence) for one in statements)
                return element("ul", "".join(lines), class_="answer")
            case Matrix():
                return matrix(block, title, self._addresses)
            case Details():
                return self.details(block)
            case Chart():
                return figure(block, next(self._charts))

    def _statement(self, text: str, evidence: str) -> str:
        shown = self._addresses.link(evidence, evidence)
        return element("li", spoken(text) + (f" ({shown})" if shown.startswith("<a") else ""))

    def details(self, block: Details) -> str:
        """A fold. Its address lies within it, so that a browser opens it for a link."""
        place = element("div", self.text(block.blocks, block.title), **self._addresses.take(block.title))
        return folded(block.title, place, block.summary, unfolded=block.unfolded)


def _table(block: Table, title: str) -> str:
    """A detail under its own name is a fold; one without a name is what the fold around it is about."""
    made, name = table(block, title), block.head[0] if block.head else ""
    return folded(name, made) if block.detail and name else made


def folded(title: str, content: str, summary: str = "", *, unfolded: bool = False) -> str:
    """Content under a line that opens and closes it."""
    said = escaped(title) + (element("small", escaped(summary)) if summary else "")
    inner = element("summary", said) + content
    return f"<details open>{inner}</details>" if unfolded else element("details", inner)
