"""The command line of the study: collect pools, replay rules on them."""

from __future__ import annotations

from pathlib import Path

import click

from studies.decision_quality import pool, report, rounds
from studies.decision_quality.collect import Plan, collect
from studies.decision_quality.replay import replay
from studies.decision_quality.workloads import WORKLOADS

FOLDER = Path("reports/decision-quality")

_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=FOLDER, show_default=True, help="Folder."
)


@click.group()
def main() -> None:
    """Quality of verdicts: planted slowdowns, measured; rules of several tools, replayed."""


@main.command("collect")
@click.option("--pool", "name", default="quiet", show_default=True, help="The pool to add to: quiet, busy, ...")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="Begin nothing later.")
@click.option("--neighbours", type=click.IntRange(min=0), default=0, help="Programs that work in bursts meanwhile.")
@click.option("--workload", "workloads", multiple=True, type=click.Choice(list(WORKLOADS)), help="Default: all.")
@_out
def _collect(name: str, minutes: float, neighbours: int, workloads: tuple[str, ...], out: Path) -> None:
    """Add to a pool for `minutes`; it can be stopped and continued at any time."""
    plan = Plan(workloads or list(WORKLOADS), 60 * minutes, neighbours)
    collect(out / f"pool-{name}.jsonl.gz", plan, click.echo)


@main.command("replay")
@click.option("--sessions", type=click.IntRange(min=10), default=500, show_default=True, help="Drawn for a cell.")
@_out
def _replay(sessions: int, out: Path) -> None:
    """Replay every rule on every pool of the folder, and write report.md beside them."""
    paths = sorted(out.glob("pool-*.jsonl.gz"), reverse=True)
    if not paths:
        raise click.UsageError(f"{out} holds no pool-*.jsonl.gz; collect one first")
    found = {}
    for path in paths:
        batches = pool.read(path)
        name = path.name.removeprefix("pool-").removesuffix(".jsonl.gz")
        found[name] = batches, report.Cells(replay(batches, sessions))
    command = f"python -m studies.decision_quality replay --sessions {sessions}"
    (out / "report.md").write_text(report.render(found, command, sessions), encoding="utf-8")
    click.echo(out / "report.md")


@main.command("rounds")
@_out
def _rounds(out: Path) -> None:
    """Print the spread of a group's ratio by the number of its rounds, and write it to rounds.md."""
    lines = ["# Spread of a group's ratio of two equal arms, in percent, by its rounds", ""]
    for path in sorted(out.glob("pool-*.jsonl.gz"), reverse=True):
        lines += [f"## {path.name.removesuffix('.jsonl.gz')}", "", *rounds.table(pool.read(path)), ""]
    lines.append("Written by `python -m studies.decision_quality rounds`.")
    (out / "rounds.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo("\n".join(lines))


if __name__ == "__main__":
    main()
