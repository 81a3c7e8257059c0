"""`dlbench history`: series as a table, as charts, as SVG, or as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from dlbench.api.history import history
from dlbench.api.render import put
from dlbench.errors import SpecError
from dlbench.record import encoding
from dlbench.report import terminal
from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph, Table
from dlbench.report.history import chart
from dlbench.report.history.series import FEWEST, Change, Filter, Series
from dlbench.report.units import format_value


def show(source: Path, added: Sequence[Path], wanted: Filter, svg: Path | None, *, plot: bool, as_json: bool) -> None:
    """Print the history and write its charts. Raises RecordError, SpecError and UnknownName."""
    if svg is not None and svg.suffix.lower() != ".svg":
        raise SpecError(f"--svg {svg}: the picture takes the place of this file; give one that ends in .svg")
    found = history(source, added, wanted)
    if svg is not None:
        put(svg.parent, {svg.name: chart.svg(found)})
    if as_json:
        print(encoding.page({"series": list(map(_facts, found))}), end="")  # noqa: T201 (the answer to the command)
        return
    terminal.console().print(terminal.blocks(list(_blocks(found, plot=plot))))
    if svg is not None:
        print(svg)  # noqa: T201


def _facts(one: Series) -> dict[str, object]:
    changes = [{**change._asdict(), "started": one.points[change.at].started} for change in one.changes]
    points = [{name: getattr(point, name) for name in POINT} for point in one.points]
    return {"machine": one.machine, "arm": one.arm, "metric": one.metric, "unit": one.unit} | {
        "changes": changes,
        "points": points,
    }


POINT = ("session", "started", "value", "low", "high", "n", "code")
"""Fields of a point that a series does not state for all of them."""


def _blocks(found: Sequence[Series], *, plot: bool) -> Iterator[Block]:
    """A table for each machine, then the charts and the changes."""
    yield Heading(1, "dlbench history")
    for machine in dict.fromkeys(one.machine for one in found):
        of_machine = [one for one in found if one.machine == machine]
        yield Heading(2, machine)
        for arm in dict.fromkeys(one.arm for one in of_machine):
            of_arm = [one for one in of_machine if one.arm == arm]
            yield Heading(3, arm)
            yield Table(["", "Sessions", "First", "Last", "Changes"], list(map(_row, of_arm)))
            for one in of_arm:
                yield from _details(one, plot=plot)
    if any(len(one.points) < FEWEST for one in found):
        yield Paragraph(f"Changes of a level are looked for from {FEWEST} sessions on.")


def _row(one: Series) -> list[str]:
    ends = (format_value(point.value, one.unit) for point in (one.points[0], one.points[-1]))
    return [one.metric, str(len(one.points)), *ends, str(len(one.changes)) if len(one.points) >= FEWEST else "–"]


def _details(one: Series, *, plot: bool) -> Iterator[Block]:
    if plot:
        yield Paragraph(one.metric)
        yield Code("\n".join(chart.lines(one)))
    if one.changes:
        yield Bullets([_change(one, change) for change in one.changes])


def _change(one: Series, change: Change) -> str:
    point = one.points[change.at]
    why = "; ".join(change.differs) or "no recorded code or version differs"
    when = point.started[:16].replace("T", " ")
    return f"{one.metric}, {when} UTC: {change.ratio:.3f} times the level before ({why})"
