"""`dlbench run`: progress on standard error, the report on standard output, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import click
from rich.text import Text

from dlbench.analysis import gate
from dlbench.api import request
from dlbench.api import run as session
from dlbench.api.request import RunRequest
from dlbench.api.run import SessionResult
from dlbench.cli import compare, configuration, explain, progress, stated, streams
from dlbench.errors import DlbenchError
from dlbench.record.schema import Run
from dlbench.report import terminal


def run(context: click.Context, options: Mapping[str, Any], again: str = "") -> int:
    """Read the options of a call, and of the files that fill them up; then as `show`.

    `again` is the command that measures the same again, if it is another and the session cannot be resumed.
    """
    found = configuration.configured(context, options)
    stated.check(found)
    with found.naming_keys():
        return show(replace(RunRequest.read(found.options), again=again))


def show(options: RunRequest) -> int:
    """Measure, print the report, and return the exit code.

    1 for a regression; else 2 when a Run failed for another reason than not being supported; else the gate's. Raises
    DlbenchError for an impossible gate, and KeyboardInterrupt after the partial report of an interrupted session.
    """
    with progress.on_standard_error(quiet=options.quiet) as listener:
        if options.dry_run:
            outline = session.describe(options, listener)
        else:
            result = session.run(options, listener)
            found = explain.after(result, options, listener)
    if options.dry_run:
        print("\n".join(map(streams.fitted, outline)))  # noqa: T201 (the answer to the command)
        return gate.FINE
    code = _said(result, options)
    explained = gate.FINE if found is None else explain.say(found, quiet=options.quiet)
    return code or explained


def _said(result: SessionResult, options: RunRequest) -> int:
    if options.quiet:
        _say_failed(result.runs)
    else:
        terminal.console().print(terminal.render(result.report))
    first = result.folder / options.first_file
    print(first if options.quiet else f"Report: {first}")  # noqa: T201
    if result.ended_by is not None:
        if isinstance(result.ended_by, KeyboardInterrupt) and not options.again:
            _say_resumable(result, options)
        raise result.ended_by
    if result.answer is not None:
        return exit_code(result.runs, compare.said(result.answer, "nothing" if options.quiet else "page"))
    if result.refused:
        raise DlbenchError(f"not gated: {result.refused}")
    return exit_code(result.runs, result.judged.exit_code if result.judged else gate.FINE)


def _say_failed(runs: Sequence[Run]) -> None:
    """A line for each arm that failed, with its first reason: an exit code is never without one."""
    failed = {run.spec.label: run for run in reversed(runs) if run.failed}
    for label, run in reversed(failed.items()):
        line = Text(" ".join(f"dlbench: {run.spec.phase}, {label}: {run.status}: {run.reason}".split()))
        terminal.console(errors=True).print(line, soft_wrap=True)


def _say_resumable(result: SessionResult, options: RunRequest) -> None:
    on = ("--cluster", options.cluster) if options.cluster else ()
    goes_on = request.resume_command(result.folder, (*options.asked, *on))
    text = Text(f"interrupted: reported as partial; {goes_on} goes on from there")
    terminal.console(errors=True, quiet=options.quiet).print(text, soft_wrap=True)


def exit_code(runs: Sequence[Run], code: int) -> int:
    """The code of the gate, unless a Run failed; a regression outweighs that too."""
    failed = any(run.failed for run in runs)
    return gate.FAILED if failed and code != gate.REGRESSION else code
