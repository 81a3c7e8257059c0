"""A race for the fastest setting as blocks of a page: the answer, what to set, the front and all settings."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dlbench.report import markdown
from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph, Table
from dlbench.report.html import shell
from dlbench.report.html.parts import page_of
from dlbench.report.units import duration, format_value
from dlbench.stats.bisection.decisions import Known
from dlbench.stats.decisions import NEGLIGIBLE_CHANGE
from dlbench.stats.tuning.answer import Largest, Setting, Tuning

WIDTH, HEIGHT = 44, 14
"""Columns and lines of the picture of the front."""
ENDS = {"": "", "slower": "surely slower", "limit": "breaks a limit", "failed": "failed"}


def blocks(found: Tuning) -> Iterator[Block]:
    """The page."""
    yield Heading(1, f"{found.subject}, {found.phase}: the fastest of {len(found.arms)} settings")
    yield Bullets(list(sentences(found)))
    if found.command:
        yield Code(found.command)
        yield Bullets(list(found.settings))
    shown = [one for one in found.arms if one.throughput is not None and one.latency is not None]
    if len(shown) > 1:
        yield Heading(2, "Latency and throughput")
        yield Code(picture(shown, found.chosen))
        best = sorted((one for one in shown if one.front), key=_throughput)
        yield Table(["On the front", "a call", "samples/s"], [_of_front(one) for one in best])
    yield Heading(2, "Settings")
    head = ["Setting", "time for a sample", "samples/s", "a call", "memory", "error", "groups", "left"]
    yield Table(head, [_row(one, found) for one in sorted(found.arms, key=_order)])
    yield Paragraph(
        "Times for a sample are to the chosen setting, by groups that both were in. The time of a call, waited for, is "
        "the median of single ones, with all steps of the call. If the choice is called surely within "
        f"{found.tolerance:.0%} of the fastest, it is in {100 - found.error * 100:g} of 100 races at least."
    )


def sentences(found: Tuning) -> Iterator[str]:
    """The answer in words."""
    faster = f"{_speed(found.speedup)} of the default ({found.default}), in fresh processes"
    match found.status:
        case "found" if found.speedup is not None:
            yield f"fastest: {found.chosen}: {faster}"
        case "found":
            yield f"fastest: {found.chosen}"
        case "default" if found.chosen == found.default:
            yield f"the default is {'best' if found.proven else 'the fastest so far'}: {found.default}"
        case "default":
            yield f"take the default, {found.default}: {found.chosen} won the race and is not surely faster: {faster}"
        case "undecided":
            yield f"undecided: {found.reason or 'not every verdict was reached'}"
            yield from [f"fastest so far: {found.chosen}"] if found.chosen else []
        case _:
            yield f"no setting: {found.reason}"
    if found.chosen:
        yield from _of_choice(found)
    if found.limits:
        yield f"limits: {', '.join(found.limits)}"
    kinds = (("slower", "surely slower"), ("limit", "breaking a limit"), ("failed", "failed"))
    left = [f"{n} {word}" for end, word in kinds if (n := sum(one.left == end for one in found.arms))]
    yield f"{found.groups} groups, {found.processes} processes; left: {', '.join(left) or 'none'}"


def picture(arms: Sequence[Setting], chosen: str) -> str:
    """Throughput over the time of a call, both logarithmic: `o` on the front, `*` the chosen one, `.` any other."""
    xs = [math.log(one.latency or 1.0) for one in arms]
    ys = [math.log(one.throughput or 1.0) for one in arms]
    (left, right), (low, high) = _span(xs), _span(ys)
    cells = [[" "] * WIDTH for _ in range(HEIGHT)]
    marks = [_mark(one, chosen) for one in arms]
    for x, y, mark in sorted(zip(xs, ys, marks, strict=True), key=lambda place: ".o*".index(place[2])):
        cells[round((high - y) / (high - low) * (HEIGHT - 1))][round((x - left) / (right - left) * (WIDTH - 1))] = mark
    sides = [format_value(math.exp(end), "samples/s") for end in (high, low)]
    width, heads = max(map(len, sides)), {0: sides[0], HEIGHT - 1: sides[1]}
    lines = [f"{heads.get(at, ''):>{width}} | {''.join(row).rstrip()}" for at, row in enumerate(cells)]
    first, last = (format_value(math.exp(end), "s") for end in (left, right))
    return "\n".join(
        [*lines, f"{'':>{width}}   {first}{last:>{WIDTH - len(first)}}", "a call, waited for; o front, * chosen"]
    )


def text(found: Tuning) -> str:
    """The page as Markdown."""
    return markdown.text(list(blocks(found)))


def html(found: Tuning) -> str:
    """The page as one HTML file."""
    return shell.document(found.subject, page_of(list(blocks(found))))


def of_batch(found: Largest) -> Iterator[Block]:
    """The page of a largest batch."""
    yield Heading(1, f"{found.subject}, {found.phase}: the largest batch that fits")
    limit = format_value(found.limit, "bytes")
    margin = f", {format_value(found.margin, 'bytes')} below the free memory" if found.margin else ""
    base, each = (format_value(value, "bytes") for value in (found.base, found.each))
    yield Bullets(
        [f"largest batch: {found.batch_size:,}, within {limit}{margin}", f"memory: {base}, and {each} a sample"]
    )
    if found.command:
        yield Code(found.command)
    rows = [[f"{batch:,}", format_value(peak, "bytes")] for batch, peak in found.measured]
    yield Table(["Batch", "peak memory"], rows)


def _of_choice(found: Tuning) -> Iterator[str]:
    if found.proven:
        yield f"no setting is faster than {found.chosen} by more than {found.tolerance:.0%}"
    elif found.status != "undecided":
        yield f"others may be faster than {found.chosen} by more than {found.tolerance:.0%}: it is the fastest so far"
    if found.alike:
        yield f"within {NEGLIGIBLE_CHANGE:.0%} of it by their means, or faster: {'; '.join(found.alike)}"
    if found.reason and found.status not in ("undecided", "not measured"):
        yield found.reason


def _speed(known: Known | None) -> str:
    return "not compared" if known is None else f"{known.ratio:.4g} ({known.low:.4g}-{known.high:.4g}) times the speed"


def _mark(one: Setting, chosen: str) -> str:
    return "*" if one.name == chosen else "o" if one.front else "."


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def _throughput(one: Setting) -> float:
    return -(one.throughput or 0.0)


def _order(one: Setting) -> tuple[bool, float]:
    return one.left in ("failed", "limit"), _throughput(one)


def _of_front(one: Setting) -> list[str]:
    return [one.name, format_value(one.latency, "s"), format_value(one.throughput, "")]


def _row(one: Setting, found: Tuning) -> list[str]:
    ratio = "1" if one.name == found.chosen else _ratio(one.ratio)
    left = ": ".join(filter(None, (ENDS[one.left], one.reason)))
    error = "–" if one.error is None else f"{one.error:.1e}"
    figures = [format_value(one.throughput, ""), format_value(one.latency, "s"), format_value(one.memory, "bytes")]
    return [one.name, ratio, *figures, error, str(one.groups), left]


def _ratio(known: Known | None) -> str:
    return "–" if known is None else f"{known.ratio:.4g} ({known.low:.4g}-{known.high:.4g})"


def seconds_of(found: Tuning) -> str:
    """The time of the search, roughly."""
    return duration(found.seconds)
