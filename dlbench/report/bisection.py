"""A bisection as blocks of a page: the answer, the transcript, and the strip with its picture."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.analysis.metrics import METRICS
from dlbench.report import markdown
from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph, Table
from dlbench.report.html import shell
from dlbench.report.html.parts import page_of
from dlbench.report.units import duration
from dlbench.stats.bisection.answer import Bisection, Change, Line
from dlbench.stats.bisection.decisions import Known
from dlbench.stats.bisection.search import WHY

OTHER_TITLES = {"error": "Error, over what the precision explains"}
"""Titles of figures that no Run has."""
WIDTH = 40
"""Columns of a strip's picture."""


def blocks(found: Bisection) -> Iterator[Block]:
    """The page."""
    yield Heading(1, f"{found.subject}: {title(found.metric)}{f' of {found.arm}' if found.arm else ''}")
    yield Bullets(list(sentences(found)))
    for change in found.changes:
        if change.again:
            yield Code(change.again)
    if found.points:
        yield Heading(2, "Strip")
        yield Code(picture(found.points))
        yield Table(["Member", "to the old end", "to the one before", "verdict"], [_point(one) for one in found.points])
    yield Heading(2, "Transcript")
    whole = "to the one before" if any(line.kind == "strip" for line in found.lines) else "new end to old end"
    yield Table(["Trial", "member", "to the old end", whole, "verdict", "groups", "time"], list(map(_row, found.lines)))
    if why := list(reasons(found)):
        yield Bullets(why)
    yield Paragraph(
        f"All decisions hold together in {100 - found.error * 100:g} of 100 searches. Ratios are to the old end of the "
        "same trial."
    )


def sentences(found: Bisection) -> Iterator[str]:
    """The answer in words."""
    ends = f"{found.members[0]} and {found.members[-1]}"
    same = f"no neighbours between {ends} differ" if found.points else f"the ends are the same within 1 %: {ends}"
    of_status = {
        "same": same,
        "not measured": f"not measured: {found.reason}",
        "undecided": f"undecided: {found.reason or 'not every verdict was reached'}",
    }
    if found.status in of_status:
        yield of_status[found.status]
    for change in found.changes:
        yield from _of_change(change, timed=found.metric in METRICS and METRICS[found.metric].unit == "s")
    for one in (one for one in found.points if one.verdict == "differ"):
        yield f"{_named(one)}: {ratio(one.whole)} of the one before it"
    for low, high in found.ranges:
        yield f"a change lies after {low}, up to {high}: it was not narrowed further"
    if found.several:
        yield "there are several steps in this range"


def reasons(found: Bisection) -> Iterator[str]:
    """Reasons of verdicts in the transcript, each with all members that have it."""
    of: dict[tuple[str, str], list[str]] = {}
    for line in found.lines:
        if line.reason:
            of.setdefault((line.verdict, line.reason), []).append(line.name)
    for (verdict, reason), names in of.items():
        named = ", ".join(dict.fromkeys(names))
        yield f"{verdict}: {reason}" if reason.startswith(named) else f"{named} {verdict}: {reason}"


def title(metric: str) -> str:
    """The title of a figure."""
    return OTHER_TITLES.get(metric) or METRICS[metric].title


def picture(points: tuple[Line, ...]) -> str:
    """A strip in characters: a line a member, its interval as dashes, `*` its ratio, `+` where the level changed."""
    known = [one.ratio for one in points if one.ratio is not None]
    low, high = min(one.low for one in known), max(one.high for one in known)
    span = (high - low) or 1.0
    width = max(len(one.name) for one in points)

    def at(value: float) -> int:
        return round((value - low) / span * (WIDTH - 1))

    lines = []
    for one in points:
        if one.ratio is None:
            lines.append(f"{one.name:>{width}}   {'':{WIDTH}} not measured")
            continue
        cells = [" "] * WIDTH
        cells[at(one.ratio.low) : at(one.ratio.high) + 1] = "-" * (at(one.ratio.high) + 1 - at(one.ratio.low))
        cells[at(one.ratio.ratio)] = "+" if one.verdict == "differ" else "*"
        lines.append(f"{one.name:>{width}} | {''.join(cells)} {one.ratio.ratio:.3f}")
    return "\n".join(lines)


def text(found: Bisection) -> str:
    """The page as Markdown."""
    return markdown.text(list(blocks(found)))


def html(found: Bisection) -> str:
    """The page as one HTML file."""
    return shell.document(found.subject, page_of(list(blocks(found))))


def said(line: Line) -> str:
    """A line of the transcript while the search goes on; of members that are measured together one has the time."""
    reason = f" ({line.reason})" if line.reason else ""
    known = f" {ratio(line.ratio)}" if line.ratio else ""
    groups = f", {line.ratio.groups} groups" if line.ratio else ""
    title = f" {line.title}" if line.title else ""
    took = f", {duration(line.seconds)}" if line.seconds else ""
    return f"{line.kind} {line.name}{title}:{known} {line.verdict}{reason}{groups}{took}"


def ratio(known: Known | None) -> str:
    """A ratio with its interval."""
    return "–" if known is None else f"{known.ratio:.4g} ({known.low:.4g}-{known.high:.4g})"


def _of_change(change: Change, *, timed: bool) -> Iterator[str]:
    where = f"{change.after}{f' ({change.title})' if change.title else ''}"
    if change.verdict != "confirmed":
        why = WHY.get(change.verdict, "")
        yield f"a step at {where} was seen and is {change.verdict}: {why} ({ratio(change.ratio)})"
        return
    above = change.ratio is not None and change.ratio.ratio > 1
    kind = ("slower" if above else "faster") if timed else ("larger" if above else "smaller")
    yield f"{where} is {kind} than {change.before}: {ratio(change.ratio)}, confirmed in fresh processes"
    if change.skipped:
        yield f"not measured between them: {', '.join(change.skipped)}; the step may be in any of these"
    if change.differing:
        yield f"packages that differ: {', '.join(change.differing)}"


def _named(line: Line) -> str:
    return f"{line.name} ({line.title})" if line.title else line.name


def _point(one: Line) -> list[str]:
    return [_named(one), ratio(one.ratio), ratio(one.whole), one.verdict]


def _row(line: Line) -> list[str]:
    groups = str(line.ratio.groups) if line.ratio else "–"
    return [
        line.kind,
        _named(line),
        ratio(line.ratio),
        ratio(line.whole),
        line.verdict,
        groups,
        duration(line.seconds) if line.seconds else "–",
    ]
