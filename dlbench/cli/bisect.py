"""`dlbench bisect`: the transcript on standard error as it grows, the answer on standard output, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click

from dlbench.api.bisection import facts, state
from dlbench.api.bisection.request import Request, outline
from dlbench.api.bisection.session import ANSWER_FILE, PAGE_FILE, bisect
from dlbench.cli import bisect_request, explain, progress, streams
from dlbench.cli.remembering import WORDS
from dlbench.errors import exit_codes
from dlbench.report import bisection as page
from dlbench.report import terminal

CODES = {
    "same": exit_codes.FINE,
    "found": exit_codes.CHANGED,
    "not measured": exit_codes.FAILED,
    "undecided": exit_codes.UNDECIDED,
}


def show(context: click.Context, options: Mapping[str, Any]) -> int:
    """Search, print, and return the exit code. Raises DlbenchError."""
    if options["resume"] is None:
        words: list[str] = context.meta[WORDS]
        return _shown(bisect_request.read(context, options, words), options)
    bisect_request.refuse_others(context)
    folder = options["resume"].absolute()
    with (
        state.where_it_began(folder) as kept,
        context.command.make_context("bisect", list(kept.words), parent=context.parent) as again,
    ):
        said = {name: options[name] for name in bisect_request.WITH_RESUME}
        options = {**again.params, **said, "resume": folder}
        return _shown(bisect_request.read(again, options, kept.words), options)


def _shown(asked: Request, options: Mapping[str, Any]) -> int:
    if options["dry_run"]:
        print("\n".join(map(streams.fitted, outline(asked))))  # noqa: T201 (the answer to the command)
        return exit_codes.FINE
    quiet = options["quiet"] or options["as_json"]
    try:
        with progress.on_standard_error(quiet=quiet) as listener:
            say = (lambda _: None) if quiet else (lambda line: click.echo(page.said(line), err=True))
            found = bisect(asked, listener, say)
    except KeyboardInterrupt:
        again = f"dlbench bisect --resume {shlex.quote(str(asked.folder))}"
        click.echo(f"interrupted; {again} goes on from there", err=True)
        raise
    if options["as_json"]:
        print((asked.folder / ANSWER_FILE).read_text(encoding="utf-8"), end="")  # noqa: T201
    elif not options["quiet"]:
        terminal.console().print(terminal.blocks(list(page.blocks(found))))
    if not options["as_json"]:
        print(asked.folder / PAGE_FILE)  # noqa: T201
    if options["explain"] and (sides := facts.sides(asked, found)):
        explain.beside(sides, quiet=quiet, as_json=options["as_json"])
    return CODES[found.status]
