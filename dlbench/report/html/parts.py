"""Parts of a page: a section for each heading of the second level, and for each fold that stands by itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dlbench.report.document import Block, Details, Heading
from dlbench.report.html.addresses import Addresses
from dlbench.report.html.blocks import Blocks
from dlbench.report.html.markup import element, escaped


class Page(NamedTuple):
    """The parts of a page as markup, and their titles as links."""

    first: str
    sections: Sequence[str]
    links: Sequence[str]


def page_of(blocks: Sequence[Block]) -> Page:
    """A page in its parts; the first is what stands before any other heading."""
    addresses = Addresses(blocks)
    made = Blocks(addresses)
    first, *others = _parted(blocks)
    title = next((block.text for block in blocks if isinstance(block, Heading)), "")
    return Page(
        first=made.text(first[1:] if first and isinstance(first[0], Heading) else first, title),
        sections=[_section(part, made, addresses) for part in others],
        links=[addresses.link(title, title) for part in others if (title := _title(part))],
    )


def _parted(blocks: Sequence[Block]) -> list[list[Block]]:
    """The blocks from heading to heading; a fold stands alone."""
    parts: list[list[Block]] = [[]]
    for block in blocks:
        after_fold = bool(parts[-1]) and isinstance(parts[-1][0], Details)
        if isinstance(block, Details) or after_fold or (isinstance(block, Heading) and block.level > 1):
            parts.append([])
        parts[-1].append(block)
    return parts


def _section(part: Sequence[Block], made: Blocks, addresses: Addresses) -> str:
    match part[0]:
        case Details():
            return element("section", made.details(part[0]), class_="fold")
        case Heading(_, text):
            name = addresses.take(text)
            labelled = {"aria_labelledby": name["id"]} if name else {}
            return element("section", element("h2", escaped(text), **name) + made.text(part[1:], text), **labelled)
    return element("section", made.text(part, ""))


def _title(part: Sequence[Block]) -> str:
    match part[0]:
        case Heading(_, text):
            return text
        case Details(title):
            return title
    return ""
