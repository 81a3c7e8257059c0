"""SVG of a chart: its frame, and its marks, never more of them than there are pixels."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.html.markup import element, escaped
from dlbench.report.html.scale import Scale, drawable, labels, scale

WIDTH, HEIGHT = 360, 230
"""Pixels of a chart, which a telephone shows without scaling."""
LEFT, RIGHT, TOP, BOTTOM = 46, 8, 8, 36
ROW, LINE = 20, 13
"""Pixels of a row of an interval, and of a further line of its name."""
NAMES, NOTES, LETTER = 168, 130, 5.8
"""Pixels that names and notes of intervals take at most, and those of a letter."""
TICK = 30
"""Pixels that a tick at the bottom takes."""
FEW = 20
"""Points of a line below which each has a dot."""


def drawing(chart: Chart) -> tuple[str, int]:
    """The inside of the SVG of a chart, and its height."""
    if chart.kind == "intervals":
        return _intervals(chart)
    x, y = _scales(chart)
    marks = _strips(chart, x, y) if chart.kind == "strips" else _lines(chart, x, y)
    return "".join([*_frame(chart, x, y), *marks]), HEIGHT


def _scales(chart: Chart) -> tuple[Scale, Scale]:
    points = [point for series in chart.series for point in series.points]
    x = scale(chart.x, (point.x for point in points), LEFT, WIDTH - RIGHT)
    y = scale(chart.y, [*(point.y for point in points), *chart.across], HEIGHT - BOTTOM, TOP)
    return x, y


def _frame(chart: Chart, x: Scale, y: Scale) -> Iterator[str]:
    """Grid, ticks, titles, and the lines across and down."""
    ticks = y.ticks(chart.y.unit)
    words, title = labels(chart.y, ticks)
    for tick, word in zip(ticks, words, strict=True):
        at = y.at(tick)
        yield f'<path class="g" d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}"/>'
        yield _text(LEFT - 4, at + 4, word, "e")
    yield _text(-(TOP + HEIGHT - BOTTOM) / 2, 10, _titled(title, y), "m v")
    yield from _below(chart.x, x, HEIGHT - BOTTOM)
    yield from (f'<path class="m" d="M{LEFT} {y.at(at):.1f}H{WIDTH - RIGHT}"/>' for at in chart.across)
    yield from (f'<path class="b" d="M{x.at(at):.1f} {TOP}V{HEIGHT - BOTTOM}"/>' for at in chart.down)


def _below(axis: Axis, x: Scale, bottom: float) -> Iterator[str]:
    """Ticks and title of the axis at the bottom."""
    if axis.names:
        yield from _names(axis.names, x, bottom)
        return
    ticks = [tick for tick in _spaced(x, axis.unit) if not axis.whole or float(tick).is_integer()]
    words, title = labels(axis, ticks)
    for tick, word in zip(ticks, words, strict=True):
        yield _text(x.at(tick), bottom + 14, word, "m")
    yield _text(WIDTH / 2, bottom + 29, _titled(title, x), "m")


def _spaced(x: Scale, unit: str) -> list[float]:
    """The ticks of an axis, or every second or third, so that their words do not touch."""
    ticks = x.ticks(unit)
    return ticks[:: max(1, math.ceil(len(ticks) * TICK / max(1.0, x.end - x.start)))]


def _titled(title: str, of: Scale) -> str:
    """The title of an axis, which says if its scale is logarithmic."""
    return f"{title}, logarithmic" if of.logarithmic and title else title


def _names(names: Sequence[str], x: Scale, bottom: float) -> Iterator[str]:
    """Names of an axis, on two lines if they have two words, cut to the room between them."""
    room = max(3, int((x.end - x.start) / len(names) / 5.6))
    for tick, name in enumerate(names):
        words = name.split(" ", 1) if len(name) > room else [name]
        for line, word in enumerate(words):
            yield _text(x.at(tick), bottom + 14 + 13 * line, _cut(word, room), "m")


def _intervals(chart: Chart) -> tuple[str, int]:
    """A row for each series: its name at the left, its interval, and its note at the right, all at one height."""
    left = _column(NAMES, [one.name for one in chart.series])
    right = _column(NOTES, [one.note for one in chart.series])
    names = [_wrapped(series.name, int((left - 8) / LETTER)) for series in chart.series]
    ends = chart.span or [point.x for series in chart.series for point in series.points]
    x = scale(chart.x, ends, left + 4, WIDTH - right - 4)
    bottom = TOP + sum(ROW + LINE * (len(name) - 1) for name in names)
    found = [f'<path class="g" d="M{x.at(tick):.1f} {TOP}V{bottom}"/>' for tick in _spaced(x, chart.x.unit)]
    found += [f'<path class="n" d="M{x.at(at):.1f} {TOP}V{bottom}"/>' for at in chart.down]
    top = TOP
    for series, name in zip(chart.series, names, strict=True):
        height = ROW + LINE * (len(name) - 1)
        found.append(_row(series, name, x, top + height / 2))
        top += height
    return "".join([*found, *_below(chart.x, x, bottom)]), bottom + BOTTOM


def _column(most: float, words: Sequence[str]) -> float:
    """Pixels that words take beside each other, with a gap."""
    return min(most, LETTER * max(map(len, words), default=0) + 8)


def _row(series: Series, name: Sequence[str], x: Scale, middle: float) -> str:
    """Name left, interval and value beside it, figures right."""
    first = middle + 4 - LINE * (len(name) - 1) / 2
    words = "".join(_text(2, first + LINE * at, line, "") for at, line in enumerate(name))
    words += _text(WIDTH - 2, middle + 4, series.note, "e")
    point, marks = series.points[0], ""
    if drawable(point.low) and drawable(point.high) and point.low is not None and point.high is not None:
        marks += f'<path class="i s{series.shade}" d="M{x.at(point.low):.1f} {middle:.1f}H{x.at(point.high):.1f}"/>'
    if drawable(point.x):
        marks += f'<path class="d s{series.shade}" d="M{x.at(point.x):.1f} {middle:.1f}h0"/>'
    return element("g", f"<title>{escaped(series.name)}: {escaped(series.note)}</title>{words}{marks}")


def _wrapped(name: str, letters: int) -> list[str]:
    """A name in one line, or in two if it is long; only what two lines do not hold is cut."""
    if len(name) <= letters:
        return [name]
    lines = textwrap.wrap(name, letters)
    return lines[:1] + ([_cut(" ".join(lines[1:]), letters)] if len(lines) > 1 else [])


def _strips(chart: Chart, x: Scale, y: Scale) -> Iterator[str]:
    """Dots, one for each pixel that a sample falls on."""
    for series in chart.series:
        at = {(round(x.at(one.x)), round(y.at(one.y))) for one in series.points if _shown(one, y)}
        if at:
            dots = "".join(f"M{left} {top}h0" for left, top in sorted(at))
            shade = "f" if series.faint else f"s{series.shade}"
            name = escaped(f"{series.name}, warm-up" if series.faint else series.name)
            yield f'<path class="p {shade}" d="{dots}"><title>{name}</title></path>'


def _lines(chart: Chart, x: Scale, y: Scale) -> Iterator[str]:
    """A line for each series, of its least and its greatest value at each pixel of its way."""
    for series in chart.series:
        points = [one for one in series.points if _shown(one, y)]
        at = list(_thinned((x.at(one.x), y.at(one.y)) for one in points))
        if not at:
            continue
        path = "M" + "L".join(f"{left:.1f} {top:.1f}" for left, top in at)
        name = f"<title>{escaped(f'{series.name} {series.note}')}</title>"
        yield f'<path class="l s{series.shade}" d="{path}">{name}</path>'
        if len(at) < FEW:
            dots = "".join(f"M{left:.1f} {top:.1f}h0" for left, top in at)
            yield f'<path class="d s{series.shade}" d="{dots}">{name}</path>'


def _thinned(places: Iterable[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    for _, group in groupby(places, key=lambda place: round(place[0])):
        found = list(group)
        ends = {min(found, key=lambda place: place[1]), max(found, key=lambda place: place[1])}
        yield from (place for place in found if place in ends) if len(found) > 2 else found


def _shown(point: Point, y: Scale) -> bool:
    return drawable(point.x) and drawable(point.y) and not (y.logarithmic and point.y <= 0.0)


def _text(x: float, y: float, text: str, classes: str) -> str:
    kind = f' class="{classes}"' if classes else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escaped(text)}</text>'


def _cut(name: str, longest: int) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def shades(series: Sequence[Series]) -> dict[str, int]:
    """Names and shades for a legend, each once."""
    return {one.name: one.shade for one in series if not one.faint}
