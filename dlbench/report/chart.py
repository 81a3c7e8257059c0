"""A chart as a block of a page: its values and its words; a format with pictures draws it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

ChartKind = Literal["intervals", "strips", "lines"]
"""Kinds of charts: a row for each value with its interval, a strip of dots for each process, lines over an axis."""
VERDICTS = {"faster": 8, "slower": 9, "same": 10, "inconclusive": 11, "indicative": 11}
"""Shades of verdicts; those of arms are below 8, so that a colour means one thing on a page."""


class Axis(NamedTuple):
    """An axis of a chart: values in this unit (`dlbench.report.units`), or `names` at 0, 1, 2 and so on.

    One of `whole` numbers has no tick between them.
    """

    title: str
    unit: str = ""
    logarithmic: bool = False
    names: Sequence[str] = ()
    whole: bool = False


class Point(NamedTuple):
    """A place in a chart; `low` and `high` are the ends of the interval around x in a chart of intervals."""

    x: float
    y: float
    low: float | None = None
    high: float | None = None


class Series(NamedTuple):
    """Points of one arm; `shade` numbers the arms, or is that of a verdict.

    `faint` marks warm-up, and `note` says its figures in words.
    """

    name: str
    points: Sequence[Point]
    shade: int = 0
    faint: bool = False
    note: str = ""


class Chart(NamedTuple):
    """A picture for formats that have pictures; the others leave it out.

    `said` tells a reader who does not see it what it shows, and `note` what it leaves out. Lines go `across` at these
    values of y and `down` at these of x. Charts of intervals with one `span` share their scale.
    """

    kind: ChartKind
    title: str
    said: str
    x: Axis
    y: Axis
    series: Sequence[Series]
    across: Sequence[float] = ()
    down: Sequence[float] = ()
    note: str = ""
    span: tuple[float, float] | None = None
