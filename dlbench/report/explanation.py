"""An explanation as blocks of a page: the answer, the categories of both arms, and the differences that matter most."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial

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
AGAINST = " against "
_NAMESPACE = re.compile(r"\b(?:[a-z_]+::)+(?:evaluate_function: )?")
"""Namespaces of an operation's name: `aten::`, and `autograd::engine::evaluate_function: `."""


def blocks(explanation: Explanation, *, operations: int | None = None) -> Iterator[Block]:
    """One explanation, with `operations` of its single differences at most; None for all of them."""
    before, after = explanation.before, explanation.after
    sides = [before] if after is None else [before, after]
    yield Heading(1, _title(explanation))
    yield Bullets(explanation.answer)
    if all(arm.scaled for arm in sides):
        yield _table("Category", [_cells(one, sides, "") for one in _worth(explanation.categories, sides)], sides)
        if named := [_cells(one, sides, _name(one)) for one in explanation.differences[:operations]]:
            yield _table("Operation", named, sides)
        if any(one.total for one in explanation.layers):
            yield _by_layer(explanation.layers, sides)
    elif any(arm.profile.ops for arm in sides):
        yield _counts(explanation, sides)
    traces = [arm.trace for arm in sides if arm.trace]
    if traces:
        yield Paragraph(f"Traces, which Perfetto opens: {', '.join(traces)}.")


def fitted(found: Sequence[Explanation], lines: int, height: Callable[[Sequence[Block]], int]) -> list[Block]:
    """The explanations in so many lines at the most: with tables as long as fit, whole answers, or first sentences.

    What is left out is in the file.
    """
    most = max((len(one.differences) for one in found), default=0)
    forms: tuple[Callable[[Explanation], list[Block]], ...] = (
        *(partial(_with, operations=count) for count in range(most, -1, -1)),
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


def _with(one: Explanation, operations: int) -> list[Block]:
    return list(blocks(one, operations=operations))


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
    """The layers, for the file alone: a model may have many. A side that knows none has no column."""
    times = [[one.before for one in found], [one.after for one in found]][: len(sides)]
    knows = [bool(any(of)) for of in times]
    heads = apart([arm.label for arm in sides]) if len(sides) > 1 else ["Time"]
    cells = [[format_value(value, "s") for value in of] for of in itertools.compress(times, knows)]
    if all(knows) and len(sides) > 1:
        heads, last = [*heads, "Difference"], [_signed(one.difference) for one in found]
    else:
        (step,) = (arm.step or 1.0 for arm in itertools.compress(sides, knows))
        heads, last = [*itertools.compress(heads, knows), "Share"], [f"{one.total / step:.1%}" for one in found]
    names = [one.name for one in found]
    return Table(["Layer", *heads], [list(row) for row in zip(names, *cells, last, strict=True)])._replace(detail=True)


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
        count = f"{one.counts[0]:.4g}" if one.counts[0] else "–"
        return [first, format_value(one.before, "s"), f"{share:.1%}", count, format_value(one.busy[0], "s")]
    gap = (sides[1].step or 0.0) - (sides[0].step or 0.0)
    difference = _signed(one.difference)
    counts = " / ".join(f"{count:.4g}" for count in one.counts) if any(one.counts) else "–"
    of_gap = f"{round(one.difference / gap, 2) or 0.0:.0%}" if abs(gap) >= EQUAL * (sides[0].step or 0.0) > 0.0 else "–"
    return [first, format_value(one.before, "s"), format_value(one.after, "s"), difference, of_gap, counts]


def _name(one: Share) -> str:
    """The operation and its largest operands, in the width that a terminal leaves beside the figures.

    JSON has the whole name.
    """
    host = f"{one.category}: " if one.category in HOST and one.category != one.name else ""
    name = _short(f"{host}{_NAMESPACE.sub('', one.name)}")
    shapes = sorted((shape for shape in one.shapes if shape), key=math.prod, reverse=True)[:2]
    sizes = " ".join("x".join(map(str, shape)) for shape in shapes)
    if len(name) + len(sizes) >= WIDTH:
        sizes = ""
    return f"{name}{f' {sizes}' if sizes else ''}"


def _short(name: str) -> str:
    """A name cut to WIDTH letters; of two sides that stand against each other, as much of both."""
    if len(name) <= WIDTH:
        return name
    sides = [re.sub(r" and (\d+) more", r" +\1", side) for side in name.split(AGAINST)]
    width = (WIDTH - (len(sides) - 1) * len(AGAINST)) // len(sides)
    return AGAINST.join(_cut(side, width) for side in sides)


def _cut(name: str, width: int) -> str:
    """A name cut to `width` letters; the number of others behind it stays."""
    rest = "".join(re.findall(r" \+\d+$", name))
    word = name.removesuffix(rest)
    return name if len(name) <= width else f"{word[: width - len(rest) - 1]}…{rest}"


def _counts(explanation: Explanation, sides: Sequence[Arm]) -> Table:
    """Calls by category, in the order of the profiled time; a profile that costs too much says no more."""
    rows = [[one.category, *(f"{count:.4g}" for count in one.counts[: len(sides)])] for one in explanation.categories]
    return Table(["Calls a step", *(arm.label for arm in sides)], [row for row in rows if set(row[1:]) != {"0"}][:ROWS])
