"""Commands on saved reports, each handing over to one library function; `dlbench.cli.main` has the others.

They import what they need when they are called.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Any

import click

from dlbench.cli import options


@click.command()
@click.argument("source", type=click.Path(path_type=FilePath))
@click.option("--out", type=click.Path(path_type=FilePath), default=None, help="Folder to write to.")
@options.several(
    "--format",
    "Files: markdown, json, html, comment (of a pull request), or an export (csv); none unless given.",
    options.Values("format"),
)
@click.option("--explain", is_flag=True, help="Also print the numbers that each verdict rests on, and their reasons.")
@click.option("--quiet", is_flag=True, help="Print no tables.")
@options.as_json
def report(source: FilePath, out: FilePath | None, format: tuple[str, ...], **given: bool) -> None:  # noqa: A002
    """Render a report again from SOURCE, a runs.jsonl or its folder. Loads no framework."""
    from dlbench.cli import report as command

    shown: command.Shown = (
        "json" if given["as_json"] else "files" if given["quiet"] else "explained" if given["explain"] else "page"
    )
    command.show(source, out, format, shown)


@click.command()
@click.argument("baseline", type=click.Path(path_type=FilePath))
@click.argument("candidate", type=click.Path(path_type=FilePath))
@options.of_gate
@click.option(
    "--out", type=click.Path(path_type=FilePath), default=None, help="Folder for comparison.md, .json, and comment.md."
)
@click.option("--explain", is_flag=True, help="Also print the numbers that each verdict rests on, and their reasons.")
@click.option("--quiet", is_flag=True, help="Print nothing.")
@options.as_json
def compare(
    baseline: FilePath, candidate: FilePath, out: FilePath | None, explain: bool, quiet: bool, **given: Any
) -> int:
    """Compare two saved reports, BASELINE and CANDIDATE, each a runs.jsonl or its folder.

    Exit code 1 when the gate fails, 3 when it is too weak for its threshold, 2 when there is nothing to compare.
    """
    from dlbench.cli import compare as command

    shown: command.Shown = "json" if given["as_json"] else "nothing" if quiet else "explained" if explain else "page"
    return command.show(baseline, candidate, given, out, shown=shown)


@click.command()
@click.argument("source", type=click.Path(path_type=FilePath))
@click.option("--digest", default="", help="Digest of the report that was kept elsewhere; another one is a change.")
@options.as_json
def verify(source: FilePath, digest: str, as_json: bool) -> int:
    """Verify that the raw files of SOURCE, a runs.jsonl or its folder, are as dlbench wrote them.

    Exit code 1 when a byte was changed, added or removed, 2 when the report has no digests. A digest is no signature:
    keep the one that this prints where the report is not, and give it back with --digest.
    """
    from dlbench.cli import verify as command

    return command.show(source, digest, as_json=as_json)


@click.command()
@click.argument("subject", default="runs")
def schema(subject: str) -> None:
    """Print the JSON Schema of SUBJECT: `runs`, a line of runs.jsonl, or `report`, report.json."""
    from dlbench.cli import schema as command

    command.show(subject)


@click.command()
@click.argument("source", type=click.Path(path_type=FilePath))
@click.option(
    "--add",
    type=click.Path(path_type=FilePath),
    multiple=True,
    help="Report, or folder of reports, to add to the file SOURCE.  [several]",
)
@options.several("--plugin", "Plugins, or patterns of the shell such as '*.lstm'.", options.Values("plugin"))
@options.several("--metric", "Metrics as report.json names them, such as step_time.", options.Values("metric"))
@click.option("--machine", default="", help="Part of the machine's description.")
@click.option("--plot", is_flag=True, help="Also draw each series.")
@click.option("--svg", type=click.Path(path_type=FilePath), default=None, help="File to draw all series to.")
@options.as_json
def history(source: FilePath, add: tuple[FilePath, ...], svg: FilePath | None, **given: Any) -> None:
    """Show figures over time, and where their level changed.

    SOURCE is a file to which reports were added, or a folder of reports. Each machine is by itself. Nothing is gated.
    """
    from dlbench.cli import history as command
    from dlbench.report.history.series import Filter

    wanted = Filter(given["plugin"], given["metric"], given["machine"])
    command.show(source, add, wanted, svg, plot=given["plot"], as_json=given["as_json"])


COMMANDS = (report, compare, verify, history, schema)
