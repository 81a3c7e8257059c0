"""`dlbench gate`: two commits measured as two environments of one run, its answer for people, and for GitHub."""

from __future__ import annotations

import datetime
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dlbench.api import commits, github, render
from dlbench.cli import gate_request as asked
from dlbench.cli import run as of_runs
from dlbench.errors import DlbenchError, exit_codes, redaction
from dlbench.report import FORMATS, Report, markdown, pull_request
from dlbench.report.document import Block, Bullets, Heading

RESULTS = {
    exit_codes.FINE: "passed",
    exit_codes.CHANGED: "regression",
    exit_codes.FAILED: "failed",
    exit_codes.UNDECIDED: "undecided",
}

UNDECIDED = (
    "Undecided is neither better nor worse: this session could not show so small a change. `adaptive = true` measures "
    "until it can; a larger threshold needs less."
)


def show(context: click.Context, options: Mapping[str, Any]) -> int:
    """Install, measure, print and write the answer, and return the exit code. Raises DlbenchError."""
    folder = Path.cwd()
    out = options["out"] or Path("reports") / f"{datetime.datetime.now().astimezone():%Y-%m-%d-%H%M%S}-gate"
    try:
        hashes = _hashes(folder, options)
        return _measured(context, options, hashes, out)
    except DlbenchError as error:
        if options["out"]:
            _tell_ended(out, "failed", [str(error)])
        raise


def _hashes(folder: Path, options: Mapping[str, Any]) -> dict[str, str]:
    """The commits to compare, by the names of their environments."""
    head = commits.commit(folder, options["head"])
    named = options["base"] or github.base(github.event(os.environ), folder, head)
    return {asked.BASE: commits.commit(folder, named), asked.HEAD: head}


def _measured(context: click.Context, options: Mapping[str, Any], hashes: Mapping[str, str], out: Path) -> int:
    """The exit code of `dlbench run` with both commits installed, which are removed at its end."""
    group = context.find_root().command
    assert isinstance(group, click.Group)
    run = group.commands["run"]
    formats = [name for name in ("markdown", "json", "html") if name in FORMATS]
    words = ["--suite", asked.SUITE, "--out", str(out), "--format", ",".join(formats)]
    words += ["--quiet"] if options["quiet"] else []
    recipe = asked.recipe(options)
    conditions, again = asked.checked(run, words, context), asked.again(hashes, options)
    for line in asked.of_this_folder():
        _say(line)
    try:
        with commits.environments(Path.cwd(), hashes, recipe, _say) as pythons:
            words += [word for name, python in pythons.items() for word in ("--env", f"{name}={python}")]
            with run.make_context("run", words, parent=context) as of_run:
                code = of_runs.run(of_run, of_run.params, again)
            _tell_measured(out, code, hashes)  # while the environments are there: to remove them takes time
            return code
    except KeyboardInterrupt as interruption:
        place = f" --out {shlex.quote(str(options['out']))}" if options["out"] else ""
        lines = [
            f"interrupted by {str(interruption) or 'Ctrl-C'}: partial, nothing is decided on {', '.join(conditions)}",
            f"its environments are removed, so it has to be started anew: {again}{place}",
        ]
        _say("; ".join(lines))
        if options["out"] or out.is_dir():
            _tell_ended(out, "interrupted", lines)
        raise


def _tell_measured(out: Path, code: int, hashes: Mapping[str, str]) -> None:
    _, report = render.read(out)
    notes = [f"Commits: {' against '.join(f'{name} {hashes[name][:12]}' for name in (asked.HEAD, asked.BASE))}."]
    notes += [UNDECIDED] * (code == exit_codes.UNDECIDED)
    _tell(out, code, pull_request.render(report, notes=notes))
    _annotate(report)


def _say(line: str) -> None:
    click.echo(line, err=True)


def _tell_ended(out: Path, how: str, lines: Sequence[str]) -> None:
    """Write the comment and the summary of a gate that has no answer."""
    said: list[Block] = [Heading(2, f"dlbench gate: {how}"), Bullets([redaction.text(line) for line in lines])]
    _tell(out, exit_codes.FAILED, f"{pull_request.MARKER}\n{markdown.text(said)}")


def _tell(out: Path, code: int, page: str) -> None:
    """Write the comment, the summary of a step and its outputs."""
    render.put(out, {FORMATS["comment"].file_name: page})
    shown = page.removeprefix(pull_request.MARKER).lstrip()
    github.tell(os.environ, shown, {"result": RESULTS[code], "folder": str(out)})


def _annotate(report: Report) -> None:
    """Print the outcomes as annotations of a workflow."""
    if report.gate is not None and os.environ.get("GITHUB_ACTIONS") == "true":
        for line in pull_request.workflow_commands(report.gate.outcomes, report.gate.refused):
            click.echo(line)
