"""`dlbench tune`: progress on standard error, the answer on standard output, and the exit code."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

import click

from dlbench.api.tune import batch, state
from dlbench.api.tune.request import Request, outline
from dlbench.api.tune.session import ANSWER_FILE, PAGE_FILE, tune
from dlbench.cli import progress, streams, tune_request
from dlbench.cli.remembering import WORDS
from dlbench.errors import exit_codes
from dlbench.report import terminal
from dlbench.report import tuning as page

CODES = {
    "found": exit_codes.FINE,
    "default": exit_codes.FINE,
    "not measured": exit_codes.FAILED,
    "undecided": exit_codes.UNDECIDED,
}


def show(context: click.Context, options: Mapping[str, Any]) -> int:
    """Race, print, and return the exit code. Raises DlbenchError."""
    words: list[str] = context.meta[WORDS]
    if options["resume"] is not None:
        words = state.read(options["resume"])
        tune_request.refuse_others(context)
        with context.command.make_context("tune", list(words), parent=context.parent) as again:
            options = {**again.params, **{name: options[name] for name in tune_request.WITH_RESUME}}
    asked = tune_request.read(options, words)
    return _largest(asked, options) if options["largest_batch"] else _shown(asked, options)


def _shown(asked: Request, options: Mapping[str, Any]) -> int:
    if options["dry_run"]:
        return _said(outline(asked))
    quiet = options["quiet"] or options["as_json"]
    try:
        with progress.on_standard_error(quiet=quiet) as listener:
            found = tune(asked, listener)
    except KeyboardInterrupt:
        click.echo(f"interrupted; dlbench tune --resume {shlex.quote(str(asked.folder))} goes on from there", err=True)
        raise
    if options["as_json"]:
        print((asked.folder / ANSWER_FILE).read_text(encoding="utf-8"), end="")  # noqa: T201 (the answer)
        return CODES[found.status]
    if not options["quiet"]:
        terminal.console().print(terminal.blocks(list(page.blocks(found))))
    print(asked.folder / PAGE_FILE)  # noqa: T201 (the answer to the command)
    return CODES[found.status]


def _largest(asked: Request, options: Mapping[str, Any]) -> int:
    if options["dry_run"]:
        return _said(batch.outline(asked))
    quiet = options["quiet"] or options["as_json"]
    with progress.on_standard_error(quiet=quiet) as listener:
        found = batch.largest(asked, listener)
    if options["as_json"]:
        print((asked.folder / batch.ANSWER_FILE).read_text(encoding="utf-8"), end="")  # noqa: T201 (the answer)
    elif options["quiet"]:
        print(found.batch_size)  # noqa: T201 (the answer to the command)
    else:
        terminal.console().print(terminal.blocks(list(page.of_batch(found))))
    return exit_codes.FINE


def _said(lines: list[str]) -> int:
    print("\n".join(map(streams.fitted, lines)))  # noqa: T201 (the answer to the command)
    return exit_codes.FINE
