"""Charts of a series: in characters for a terminal of 80 columns, and as SVG."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from xml.etree import ElementTree

from dlbench.report.history.series import Series
from dlbench.report.units import format_value

WIDTH, HEIGHT = 64, 8
"""Characters of the field of a chart; a label of twelve stands left of it."""
LABEL = 12
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def lines(found: Series) -> list[str]:
    """The chart: `*` a session, `+` one at which the level changed, in the order of time and not to its scale."""
    values = [point.value for point in found.points]
    low, high = min(values), max(values)
    dates = "  ".join(dict.fromkeys(found.points[at].started[:10] for at in (0, -1)))
    columns = min(max(len(values), len(dates)), WIDTH)
    field = [[" "] * columns for _ in range(HEIGHT)]
    begins = {change.at for change in found.changes}
    for at, value in enumerate(values):
        column = at * (columns - 1) // max(len(values) - 1, 1)
        row = HEIGHT - 1 - round(_share(value, low, high) * (HEIGHT - 1))
        if field[row][column] != "+":
            field[row][column] = "+" if at in begins else "*"
    labels = [format_value(high, found.unit), *[""] * (HEIGHT - 2), format_value(low, found.unit)]
    drawn = [f"{label.rjust(LABEL)} |{''.join(row).rstrip()}" for label, row in zip(labels, field, strict=True)]
    first, _, last = dates.partition("  ")
    return [
        *drawn,
        f"{' ' * LABEL} +{'-' * columns}",
        f"{' ' * (LABEL + 2)}{first}{last.rjust(columns - len(first))}".rstrip(),
    ]


def svg(found: Sequence[Series]) -> str:
    """One document with a chart a series, one under the other; each has its words as title and description."""
    wide, high, gap = 720, 150, 46
    size = {"width": str(wide), "height": str(max(len(found), 1) * (high + gap) + 10)}
    root = ElementTree.Element("svg", {"xmlns": "http://www.w3.org/2000/svg", "font-family": "sans-serif", **size})
    for number, one in enumerate(found):
        group = ElementTree.SubElement(root, "g", {"transform": f"translate(10 {number * (high + gap) + 10})"})
        _draw(group, one, wide - 20, high)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _draw(group: ElementTree.Element, one: Series, wide: int, high: int) -> None:
    values = [point.value for point in one.points]
    low, top = min(values), max(values)
    places = [
        (20 + at * (wide - 40) / max(len(values) - 1, 1), high - 20 - _share(value, low, top) * (high - 40))
        for at, value in enumerate(values)
    ]
    title = f"{one.arm}: {one.metric}"
    ElementTree.SubElement(group, "title").text = _legal(f"{title}; {one.machine}")
    _text(group, 0, 12, title)
    _text(group, 0, 28, f"{format_value(low, one.unit)} to {format_value(top, one.unit)}; {one.machine}", "10")
    plot = ElementTree.SubElement(group, "g", {"transform": "translate(0 26)"})
    drawn = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    ElementTree.SubElement(plot, "polyline", {"points": drawn, "fill": "none", "stroke": "#3465a4"})
    for change in one.changes:
        at = f"{places[change.at][0]:.1f}"
        about = {"x1": at, "x2": at, "y1": "0", "y2": str(high - 10), "stroke": "#cc0000", "stroke-dasharray": "4 3"}
        line = ElementTree.SubElement(plot, "line", about)
        ElementTree.SubElement(line, "title").text = _legal(f"{change.ratio:.3f} times: {'; '.join(change.differs)}")
    for (x, y), point in zip(places, one.points, strict=True):
        about = {"cx": f"{x:.1f}", "cy": f"{y:.1f}", "r": "2.5", "fill": "#3465a4"}
        dot = ElementTree.SubElement(plot, "circle", about)
        ElementTree.SubElement(dot, "title").text = _legal(f"{point.started}: {format_value(point.value, one.unit)}")


def _text(group: ElementTree.Element, x: int, y: int, text: str, size: str = "13") -> None:
    about = {"x": str(x), "y": str(y), "font-size": size, "fill": "#555753" if size == "10" else "#2e3436"}
    ElementTree.SubElement(group, "text", about).text = _legal(text)


def _share(value: float, low: float, high: float) -> float:
    """Place of a value between two others, 0 to 1; the middle if they are one."""
    found = (value - low) / (high - low) if high > low else 0.5
    return found if math.isfinite(found) else 0.5


def _legal(text: str) -> str:
    """The text without characters that XML cannot hold."""
    return _ILLEGAL.sub("\ufffd", text)
