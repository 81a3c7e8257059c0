"""An explanation as blocks of a page: the answer, the categories of both arms, and the differences that matter most."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence

from dlbench.plugin import HOST
from dlbench.record.explanation import EQUAL, Arm, Explanation, Share
from dlbench.report import markdown
from dlbench.report.document import Block, Bullets, Heading, Paragraph, Table
from dlbench.report.units import format_value

LEAST = 0.005
"""Share of a step below which a category has no row of its own."""
ROWS, WIDTH = 12, 36
_NAMESPACE = re.compile(r"\b(?:[a-z_]+::)+(?:evaluate_function: )?")
"""Namespaces of an operation's name: `aten::`, and `autograd::engine::evaluate_function: `."""


def blocks(explanation: Explanation, *, detail: bool = False) -> Iterator[Block]:
    """One explanation; with `detail` its table of single differences is for a file alone."""
    before, after = explanation.before, explanation.after
    sides = [before] if after is None else [before, after]
    yield Heading(1, f"{explanation.workload}: {' against '.join(arm.label for arm in reversed(sides))}")
    yield Bullets(explanation.answer)
    if all(arm.scaled for arm in sides):
        yield _table("Category", [_cells(one, sides, "") for one in _worth(explanation.categories, sides)], sides)
        named = [_cells(one, sides, _name(one)) for one in explanation.differences]
        yield _table("Operation", named, sides)._replace(detail=detail)
    elif any(arm.profile.ops for arm in sides):
        yield _counts(explanation, sides)
    traces = [arm.trace for arm in sides if arm.trace]
    if traces:
        yield Paragraph(f"Traces, which Perfetto opens: {', '.join(traces)}.")


def text(found: Sequence[Explanation]) -> str:
    """The explanations as Markdown."""
    return "\n".join(markdown.text(list(blocks(one))) for one in found)


def _worth(found: Sequence[Share], sides: Sequence[Arm]) -> list[Share]:
    least = LEAST * max(arm.step or 0.0 for arm in sides)
    worth = [one for one in found if max(one.before or 0.0, one.after or 0.0) >= least]
    return worth[:ROWS]


def _table(first: str, rows: Sequence[Sequence[str]], sides: Sequence[Arm]) -> Table:
    if len(sides) == 1:
        return Table([first, "Time", "Share", "Calls", "Busy"], rows)
    return Table([first, *apart([arm.label for arm in sides]), "Difference", "Gap", "Calls"], rows)


def apart(labels: Sequence[str]) -> list[str]:
    """Labels without the words that all of them have, for the heads of narrow columns; the title has them whole."""
    words = [re.split(r"[ .]", label) for label in labels]
    common = set(words[0]).intersection(*words[1:])
    short = [" ".join(word for word in of if word not in common) for of in words]
    return short if all(short) and len(set(short)) == len(short) else list(labels)


def _cells(one: Share, sides: Sequence[Arm], name: str) -> list[str]:
    first = name or one.category
    if len(sides) == 1:
        share = (one.before or 0.0) / (sides[0].step or 1.0)
        calls = f"{one.counts[0]:.4g}" if one.counts[0] else "–"
        return [first, format_value(one.before, "s"), f"{share:.1%}", calls, format_value(one.busy[0], "s")]
    gap = (sides[1].step or 0.0) - (sides[0].step or 0.0)
    sign = "+" if one.difference > 0 else "-"
    difference = f"{sign}{format_value(abs(one.difference), 's')}"
    counts = " / ".join(f"{count:.4g}" for count in one.counts) if any(one.counts) else "–"
    of_gap = f"{one.difference / gap:.0%}" if abs(gap) >= EQUAL * (sides[0].step or 0.0) > 0.0 else "–"
    return [first, format_value(one.before, "s"), format_value(one.after, "s"), difference, of_gap, counts]


def _name(one: Share) -> str:
    """The operation and its largest operands, in the width that a terminal leaves beside the figures.

    JSON has the whole name.
    """
    host = f"{one.category}: " if one.category in HOST and one.category != one.name else ""
    name = f"{host}{_NAMESPACE.sub('', one.name)}"
    shapes = sorted((shape for shape in one.shapes if shape), key=math.prod, reverse=True)[:2]
    sizes = " ".join("x".join(map(str, shape)) for shape in shapes)
    if len(name) + len(sizes) >= WIDTH:
        sizes = ""
    return f"{name if len(name) <= WIDTH else f'{name[: WIDTH - 1]}…'}{f' {sizes}' if sizes else ''}"


def _counts(explanation: Explanation, sides: Sequence[Arm]) -> Table:
    """Calls by category, in the order of the profiled time; a profile that costs too much says no more."""
    rows = [
        [one.category, *(f"{one.counts[place]:.4g}" for place in range(len(sides)))] for one in explanation.categories
    ]
    return Table(["Calls a step", *(arm.label for arm in sides)], [row for row in rows if set(row[1:]) != {"0"}][:ROWS])
