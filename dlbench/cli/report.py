"""`dlbench report`: a saved report rendered again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from dlbench.api import render
from dlbench.api.formats import known
from dlbench.record import places
from dlbench.report import collecting, comparison, findings, terminal

Shown = Literal["page", "explained", "json", "files"]


def show(source: Path, out: Path | None, formats: Sequence[str], shown: Shown) -> None:
    """Render a saved report, print it and the files that were written. Raises RecordError or UnknownName."""
    known(formats)
    with collecting.paused():
        runs, report = render.read(source)
        written = render.write(runs, report, out or places.folder_of(source), formats)
    if shown == "json":
        print(render.text(runs, report, "json"), end="")  # noqa: T201 (the answer to the command)
        return
    if shown != "files":
        terminal.console().print(terminal.render(report))
    if shown == "explained":
        explained = comparison.explanation(findings.rows(report), report.controls)
        terminal.console().print(terminal.blocks([*explained]))
    for path in written:
        print(path)  # noqa: T201 (the answer to the command)
