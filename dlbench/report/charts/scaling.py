"""Efficiency against the number of workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.labels import Labels
from dlbench.report import scaling
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.charts.arms import MOST_ARMS
from dlbench.report.scaling import Place
from dlbench.report.section import Section
from dlbench.report.units import format_value
from dlbench.spec import AXES

KINDS = {"efficiency": "one alone", "efficiency_beside": "as many apart"}


def charts(sections: Sequence[Section]) -> Iterator[Chart]:
    """One for each family of workloads that differ in their workers alone."""
    found = list(scaling.families(sections))
    names = Labels(load for load, _ in found)
    for load, places in found:
        lines: dict[str, list[Place]] = {}
        for place in places:
            if place.number > 1:
                lines.setdefault(f"{place.arm.label}, {AXES['scaling'].told(place.load.scaling)}", []).append(place)
        shown = dict(list(lines.items())[: MOST_ARMS // 2])
        note = f"The first {len(shown)} of {len(lines)} arms." if len(shown) < len(lines) else ""
        series = [
            Series(f"{label}, {words}", [Point(1.0, 1.0), *_points(of_arm, name)], 2 * at + kind)
            for at, (label, of_arm) in enumerate(shown.items())
            for kind, (name, words) in enumerate(KINDS.items())
        ]
        said = "; ".join(f"{one.name}: {_words(one)}" for one in series) + "."
        x, y = Axis("Workers", logarithmic=True, whole=True), Axis("Efficiency", "%")
        yield Chart("lines", f"{names.title(load)}: efficiency against workers", said, x, y, series, (1.0,), note=note)


def _points(places: Sequence[Place], name: str) -> Iterator[Point]:
    for place in places:
        if (found := place.arm.metrics.get(name)) is not None:
            yield Point(place.number, found.value, found.low, found.high)


def _words(series: Series) -> str:
    return ", ".join(f"{point.x:g} workers {format_value(point.y, '%')}" for point in series.points[1:])
