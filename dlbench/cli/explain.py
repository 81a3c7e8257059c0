"""`dlbench explain`: the answer, and where the time of a step goes on both sides, on standard output."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import click

from dlbench.api.explain import PAGE_FILE, Explanations, explain, of_session
from dlbench.api.request import RunRequest
from dlbench.api.run import SessionResult
from dlbench.cli import progress
from dlbench.errors import DlbenchError, exit_codes
from dlbench.record.explanation import EXPLANATION_FILE
from dlbench.report import explanation as page
from dlbench.report import terminal
from dlbench.session.listener import Listener

LINES = 40
"""Lines of the answer on a terminal at the most, the path of the page among them."""


def show(options: Mapping[str, Any], *, quiet: bool, as_json: bool) -> int:
    """Explain, print, and return the exit code: 2 when an arm did not run or has no profile. Raises DlbenchError."""
    with progress.on_standard_error(quiet=quiet or as_json) as listener:
        found = explain(options, listener)
    if as_json:
        print((found.folder / EXPLANATION_FILE).read_text(encoding="utf-8"), end="")  # noqa: T201
        return _code(found)
    return say(found, quiet=quiet)


def after(result: SessionResult, options: RunRequest, listener: Listener) -> Explanations | None:
    """The explanations of a session that was asked for them and has come to its end."""
    return of_session(result, options, listener) if options.explain and result.ended_by is None else None


def say(found: Explanations, *, quiet: bool) -> int:
    """Print the answer, its tables and the path of the page, and return the exit code."""
    if not quiet:
        terminal.console().print(terminal.blocks(page.fitted(found.found, LINES - 1, terminal.height)))
    path = found.folder / PAGE_FILE
    print(path if quiet else f"Explanation: {path}")  # noqa: T201 (the answer to the command)
    return _code(found)


def beside(options: Mapping[str, Any], *, quiet: bool, as_json: bool) -> None:
    """Explain after another answer, which stands whether this can be explained or not; say nothing beside JSON."""
    try:
        with progress.on_standard_error(quiet=quiet) as listener:
            found = explain(options, listener)
    except DlbenchError as error:
        click.echo(f"not explained: {error}", err=True)
        return
    if not as_json:
        say(found, quiet=quiet)


def _code(found: Explanations) -> int:
    return exit_codes.FINE if found.complete else exit_codes.FAILED
