"""The command line of the study: collect pools, replay rules on them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import click

from studies import end_what_was_started
from studies.decision_quality import pool, report, rounds, sessions_page
from studies.decision_quality import sessions as real
from studies.decision_quality.collect import KINDS, Plan, collect
from studies.decision_quality.groups import BASE
from studies.decision_quality.replay import AGAIN, EFFECT, Cells, replay
from studies.decision_quality.workloads import SLOWDOWNS, WORKLOADS

FOLDER = Path("reports/decision-quality")
NEEDED = (BASE, AGAIN, EFFECT)


class Finite(click.FloatRange):
    """A range without `nan`, which no comparison leaves out, and without infinity."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number. Raises BadParameter."""
        found: float = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value} is no finite number", param, ctx)
        return found


_out = click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), default=FOLDER, show_default=True, help="Folder."
)
_duty = click.option(
    "--duty", type=Finite(0.05, 0.95), default=0.5, show_default=True, help="Share of time that each works."
)


@click.group()
def main() -> None:
    """Quality of verdicts: planted slowdowns, measured; rules of several tools, replayed."""
    end_what_was_started()


@main.command("collect")
@click.option("--pool", "name", default="quiet", show_default=True, help="The pool to add to: quiet, busy, ...")
@click.option("--minutes", type=Finite(min=0, min_open=True), required=True, help="Begin nothing later.")
@click.option("--neighbours", type=click.IntRange(min=0), default=0, help="Programs that work in bursts meanwhile.")
@click.option("--workload", "workloads", multiple=True, type=click.Choice(list(WORKLOADS)), help="Default: all.")
@click.option(
    "--arm",
    "arms",
    multiple=True,
    type=click.Choice(list(SLOWDOWNS)),
    help="Those of a new pool, base, again and 3% among them. Default: all.",
)
@click.option("--kind", "kinds", multiple=True, type=click.Choice(KINDS), help="Default: both.")
@_duty
@_out
def _collect(name: str, minutes: float, out: Path, **chosen: Any) -> None:
    """Add to a pool for `minutes`; it can be stopped and continued at any time."""
    if chosen["arms"] and (lacking := [arm for arm in NEEDED if arm not in chosen["arms"]]):
        raise click.UsageError(f"--arm lacks {', '.join(lacking)}, which every pool needs; give it too")
    plan = Plan(
        chosen["workloads"] or list(WORKLOADS),
        60 * minutes,
        chosen["neighbours"],
        chosen["duty"],
        chosen["arms"] or tuple(SLOWDOWNS),
        chosen["kinds"] or KINDS,
    )
    try:
        collect(out / f"pool-{name}.jsonl.gz", plan, click.echo)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


@main.command("replay")
@click.option("--sessions", type=click.IntRange(min=10), default=500, show_default=True, help="Drawn for a cell.")
@_out
def _replay(sessions: int, out: Path) -> None:
    """Replay every rule on every pool of the folder, and write report.md beside them."""
    found = {}
    for path in _pools(out):
        batches = pool.read(path)
        name = path.name.removeprefix("pool-").removesuffix(".jsonl.gz")
        found[name] = batches, Cells(replay(batches, sessions))
    command = f"python -m studies.decision_quality replay --sessions {sessions}"
    (out / "report.md").write_text(report.render(found, command, sessions), encoding="utf-8")
    click.echo(out / "report.md")


def _pools(out: Path) -> list[Path]:
    paths = sorted(out.glob("pool-*.jsonl.gz"), reverse=True)
    if not paths:
        raise click.UsageError(f"{out} holds no pool-*.jsonl.gz; collect one first")
    return paths


@main.command("rounds")
@_out
def _rounds(out: Path) -> None:
    """Print the spread of a group's ratio by the number of its rounds, and write it to rounds.md."""
    lines = ["# Spread of a group's ratio of two equal arms, in percent, by its rounds", ""]
    for path in _pools(out):
        lines += [f"## {path.name.removesuffix('.jsonl.gz')}", "", *rounds.table(pool.read(path)), ""]
    lines.append("Written by `python -m studies.decision_quality rounds`.")
    (out / "rounds.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    click.echo("\n".join(lines))


@main.command("sessions")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--kind", "kinds", multiple=True, type=click.Choice(list(real.KINDS)), help="Default: all.")
@click.option("--sessions", "count", type=click.IntRange(min=1), default=20, show_default=True, help="Of each sort.")
@click.option("--neighbours", type=click.IntRange(min=0), default=0, help="Programs that work in bursts meanwhile.")
@_duty
@click.option("--minutes", type=Finite(min=0), default=30, show_default=True, help="Begin nothing later.")
def _sessions(folder: Path, kinds: tuple[str, ...], count: int, neighbours: int, duty: float, minutes: float) -> None:
    """Run sessions of the product with 3 % more work and with equal work in turn, and write sessions.md."""
    order = real.Order(kinds or list(real.KINDS), count, 60 * minutes, neighbours, duty)
    try:
        found = real.measure(folder, order, click.echo)
    except RuntimeError as error:
        raise click.UsageError(str(error)) from None
    if not found:
        raise click.UsageError(f"{folder} holds no session, and {minutes:g} minutes are too few for one; give more")
    (folder / "sessions.md").write_text(sessions_page.render(found, "python -m studies.decision_quality sessions"))
    click.echo(folder / "sessions.md")


if __name__ == "__main__":
    main()
