"""An explanation as blocks of a page: the answer, the categories of both arms, and the differences that matter most."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence

from dlbench.plugin import HOST
from dlbench.record.explanation import EQUAL, Arm, Explanation, Layer, Share
from dlbench.report import markdown
from dlbench.report.charts import profile
from dlbench.report.document import Block, Bullets, Heading, Paragraph, Table
from dlbench.report.html import shell
from dlbench.report.html.parts import page_of
from dlbench.report.units import format_value

TITLE = "Where the time of a step goes"
LEAST = 0.005
"""Share of a step below which a category has no row of its own."""
ROWS, WIDTH = 12, 36
_NAMESPACE = re.compile(r"\b(?:[a-z_]+::)+(?:evaluate_function: )?")
"""Namespaces of an operation's name: `aten::`, and `autograd::engine::evaluate_function: `."""


def blocks(explanation: Explanation, *, detail: bool = False) -> Iterator[Block]:
    """One explanation; with `detail` its table of single differences is for a file alone."""
    before, after = explanation.before, explanation.after
    sides = [before] if after is None else [before, after]
    yield Heading(1, _title(explanation))
    yield Bullets(explanation.answer)
    if all(arm.scaled for arm in sides):
        yield _table("Category", [_cells(one, sides, "") for one in _worth(explanation.categories, sides)], sides)
        named = [_cells(one, sides, _name(one)) for one in explanation.differences]
        yield _table("Operation", named, sides)._replace(detail=detail)
        if explanation.layers:
            yield _by_layer(explanation.layers, sides)
    elif any(arm.profile.ops for arm in sides):
        yield _counts(explanation, sides)
    traces = [arm.trace for arm in sides if arm.trace]
    if traces:
        yield Paragraph(f"Traces, which Perfetto opens: {', '.join(traces)}.")


def fitted(found: Sequence[Explanation], lines: int, height: Callable[[Sequence[Block]], int]) -> list[Block]:
    """The explanations in so many lines at the most: with tables, with whole answers, or with their first sentences.

    What is left out is in the file.
    """
    forms: tuple[Callable[[Explanation], list[Block]], ...] = (
        lambda one: list(blocks(one)),
        lambda one: list(blocks(one, detail=True)),
        lambda one: list(blocks(one))[:2],
        lambda one: [Heading(1, _title(one)), Bullets(one.answer[:1])],
    )
    for form in forms:
        parts = [block for one in found for block in form(one)]
        if height(parts) <= lines:
            return parts
    shown = [forms[-1](one) for one in found]
    ends = itertools.accumulate(map(height, shown), initial=height([Paragraph("")]))
    count = sum(end <= lines for end in ends) - 1
    left = Paragraph(f"{len(found) - count} more in the file.")
    return [*itertools.chain.from_iterable(shown[:count]), left]


def text(found: Sequence[Explanation]) -> str:
    """The explanations as Markdown."""
    return "\n".join(markdown.text(list(blocks(one))) for one in found)


def html(found: Sequence[Explanation]) -> str:
    """The explanations as one HTML file, with bars of the categories."""
    page: list[Block] = [Heading(1, TITLE)]
    for one in found:
        _, answer, *tables = blocks(one)
        sides = [one.before] if one.after is None else [one.before, one.after]
        bars = profile.charts(_worth(one.categories, sides), sides, apart([arm.label for arm in sides]))
        page += [Heading(2, _title(one)), answer, *bars, *tables]
    return shell.document(TITLE, page_of(page))


def _title(one: Explanation) -> str:
    sides = [one.before] if one.after is None else [one.after, one.before]
    return f"{one.workload}: {' against '.join(arm.label for arm in sides)}"


def _worth(found: Sequence[Share], sides: Sequence[Arm]) -> list[Share]:
    least = LEAST * max(arm.step or 0.0 for arm in sides)
    worth = [one for one in found if max(one.before or 0.0, one.after or 0.0) >= least]
    return worth[:ROWS]


def _table(first: str, rows: Sequence[Sequence[str]], sides: Sequence[Arm]) -> Table:
    if len(sides) == 1:
        return Table([first, "Time", "Share", "Calls", "Busy"], rows)
    return Table([first, *apart([arm.label for arm in sides]), "Difference", "Gap", "Calls"], rows)


def _by_layer(found: Sequence[Layer], sides: Sequence[Arm]) -> Table:
    """The layers, for the file alone: a model may have many."""
    rows = []
    for one in found:
        times = [format_value(value, "s") for value in (one.before, one.after)[: len(sides)]]
        whole = [f"{one.total / (sides[0].step or 1.0):.1%}"] if len(sides) == 1 else [_signed(one.difference)]
        rows.append([one.name, *times, *whole])
    heads = ["Time", "Share"] if len(sides) == 1 else [*apart([arm.label for arm in sides]), "Difference"]
    return Table(["Layer", *heads], rows)._replace(detail=True)


def _signed(seconds: float) -> str:
    return f"{'+' if seconds > 0 else '-'}{format_value(abs(seconds), 's')}"


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
    difference = _signed(one.difference)
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
