"""The blocks that a page consists of: plain text, no markup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple


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


Block = Heading | Paragraph | Bullets | Table | Code

FILE_ONLY = ("Configuration: ", "Environment", "Measure it again")
"""Parts that are for the file alone, by the beginning of their heading."""


def brief(blocks: Iterable[Block]) -> Iterator[Block]:
    """The page for a terminal or a notebook, without the details that the file holds."""
    skipping = False
    for block in blocks:
        if isinstance(block, Heading):
            skipping = block.text.startswith(FILE_ONLY)
        if not skipping and not (isinstance(block, Table) and block.detail):
            yield block
