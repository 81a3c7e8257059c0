"""An export, and one that another package brings: checked, and its faults named as its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import PurePath
from typing import NamedTuple

from dlbench.errors import ContractViolation, DlbenchError, words
from dlbench.record.digests import DIGESTS_FILE, RAW_FILES
from dlbench.record.schema import Run
from dlbench.registry import offers
from dlbench.registry.entry_points import Entry
from dlbench.report.model import Report


class Export(NamedTuple):
    """Export: a file of this name, with this content for the Runs of a report and the report itself."""

    file_name: str
    render: Callable[[Sequence[Run], Report], str]


def of_entry(entry: Entry) -> Export:
    """The export of another package. Raises PluginLoadError and ContractViolation."""
    found = offers.load(offers.EXPORTS, entry)
    file_name, render = getattr(found, "file_name", None), getattr(found, "render", None)
    whose = f"export {entry.name} of {entry.distribution}"
    if not isinstance(file_name, str) or not _is_name(file_name) or not callable(render):
        lacks = f"file_name {words.shown(file_name)} and render {words.shown(render)}"
        raise ContractViolation(f"{whose} has {lacks}; it needs a name and a function")
    if file_name in (*RAW_FILES, DIGESTS_FILE):
        raise ContractViolation(f"{whose}: {file_name} is a file of dlbench's own; it needs another file_name")

    def guarded(runs: Sequence[Run], report: Report) -> str:
        try:
            text = render(runs, report)
        except DlbenchError:
            raise
        except Exception as error:
            said = words.reason(error, 300)
            raise ContractViolation(f"{whose} failed: {said}") from error
        if not isinstance(text, str):
            raise ContractViolation(f"{whose} returned {type(text).__name__}, no text")
        return text

    return Export(file_name, guarded)


def _is_name(text: str) -> bool:
    return text not in ("", ".", "..") and PurePath(text).name == text
