"""Addresses within a page: of headings and folds, by their titles; links lead to the first of a title."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dlbench.report.document import Block, Details, Heading
from dlbench.report.html.markup import element, escaped


class Addresses:
    """Names of the places of a page. They are numbers, so that no title can say anything in an address."""

    def __init__(self, blocks: Iterable[Block]) -> None:
        titles = dict.fromkeys(_titles(blocks))
        self._names = {title: f"s{number}" for number, title in enumerate(titles)}
        self._free = dict(self._names)

    def take(self, title: str) -> dict[str, str | int]:
        """The attribute of the place with this title; none for a second one."""
        name = self._free.pop(title, "")
        return {"id": name} if name else {}

    def link(self, text: str, title: str) -> str:
        """A link to the place with this title, or the text alone if there is none."""
        name = self._names.get(title) if text else None
        return element("a", escaped(text), href=f"#{name}") if name else escaped(text)


def _titles(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Heading(level, text) if level > 1:
                yield text
            case Details(title, inner):
                yield title
                yield from _titles(inner)
