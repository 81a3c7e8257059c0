"""`dlbench comment`: the comment of a gate on the pull request of GitHub's event."""

from __future__ import annotations

import os
from pathlib import Path

import click

from dlbench.api import github, render
from dlbench.errors import DlbenchError, RecordError, exit_codes
from dlbench.record import files
from dlbench.record.digests import GATE_FILE
from dlbench.report import FORMATS


def show(folder: Path) -> int:
    """Post the comment of a gate and say how that went; a refusal changes no exit code. Raises RecordError."""
    page = _page(folder)
    try:
        click.echo(github.comment(os.environ, page))
    except DlbenchError as error:
        click.echo(f"{error}; the summary of the job and comment.md say the same", err=True)
    return exit_codes.FINE


def _page(folder: Path) -> str:
    """The comment of a gate that has a result, or ended before it had one. Raises RecordError."""
    found = render.kept(folder)
    if found is not None and not (found.outcomes or found.refused):
        raise RecordError(f"{folder / GATE_FILE}: no gate result (it has no outcome); remove it to post the page alone")
    try:
        return files.read(folder / FORMATS["comment"].file_name).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{folder} holds no comment.md; give the folder of a report of `dlbench gate`") from error
