"""The blocks that a page consists of: plain text, no markup."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias

from dlbench.record.schema import Record
from dlbench.report.chart import Chart


class Heading(NamedTuple):
    """A heading; level 1 is the page's."""

    level: int
    text: str


class Paragraph(NamedTuple):
    """Running text."""

    text: str


class Bullets(NamedTuple):
    """A list."""

    items: Sequence[str]


class Table(NamedTuple):
    """Rows of cells under a head; the first column names the row. `detail` is left out if space is short."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    detail: bool = False


class Code(NamedTuple):
    """Text as it is."""

    text: str


class Statement(Record, frozen=True, kw_only=False):
    """A sentence of the answer; `evidence` is the title of the heading or details that show it, empty for none."""

    text: str
    evidence: str = ""


class Answer(NamedTuple):
    """The answer of a page in a few sentences, each with a way to its evidence."""

    statements: Sequence[Statement]


class Cell(NamedTuple):
    """A cell of a matrix: its text, a verdict word if there is one, and the title of its evidence."""

    text: str
    verdict: str = ""
    evidence: str = ""


class Matrix(NamedTuple):
    """Arms by workloads. The first cell of each row names it; the cells of the head name the columns."""

    head: Sequence[Cell]
    rows: Sequence[Sequence[Cell]]


class Details(NamedTuple):
    """Blocks that are folded under a title, which links lead to; a short `summary` may stand beside it.

    `unfolded` shows them at once, also on a terminal, which leaves folded ones out.
    """

    title: str
    blocks: Sequence[Block]
    summary: str = ""
    unfolded: bool = False


Block: TypeAlias = "Heading | Paragraph | Bullets | Table | Code | Answer | Matrix | Details | Chart"
"""Formats without pictures leave a Chart out."""


def brief(blocks: Iterable[Block]) -> Iterator[Block]:
    """The page for a terminal or a notebook, without the tables that the file holds."""
    return (
        block for block in blocks if not isinstance(block, Chart) and not (isinstance(block, Table) and block.detail)
    )


def anchor(title: str) -> str:
    """The name by which links lead to a title: its letters and digits in lower case, with hyphens for spaces.

    This is GitHub's rule for headings. The result is safe within a link and an attribute, and may be empty.
    """
    kept = re.sub(r"[^\w\- ]", "", unicodedata.normalize("NFC", title).lower().strip())
    return kept.replace(" ", "-")
