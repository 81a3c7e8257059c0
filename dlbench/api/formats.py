"""Formats of a report by name: pages, exports, and exports of other packages."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from dlbench.errors import UnknownName
from dlbench.report import FORMATS, exports
from dlbench.report.exports import EXPORTS, Export


def known(formats: Sequence[str]) -> Sequence[str]:
    """The formats and exports of these names. Raises UnknownName, and PluginLoadError for a broken export."""
    for name in formats:
        find(name)
    return formats


def find(name: str) -> Export:
    """A format of reports, an export, or an export of another package. Raises as `known` does."""
    if (own := FORMATS.get(name)) is not None:
        return Export(own.file_name, own.text)
    if (found := exports.find(name, FORMATS)) is not None:
        return found
    known_names = names()
    near = difflib.get_close_matches(name, known_names)
    raise UnknownName("format", name, known_names, f"all are {', '.join(known_names)}" if near else "")


def names() -> list[str]:
    """The names of all of them, in order."""
    return sorted({*FORMATS, *EXPORTS, *(entry.name for entry in exports.entries(FORMATS))})
