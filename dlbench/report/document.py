"""The blocks that a page consists of: plain text, no markup."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Rows of cells under a head; the first column names the row. `detail` is left out where space is short."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    detail: bool = False


class Code(NamedTuple):
    """Text as it is."""

    text: str


Block = Heading | Paragraph | Bullets | Table | Code
