"""Bars of a profile: the time of a step by category, on both sides."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from dlbench.record.explanation import Arm, Share
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.units import format_value


def charts(shares: Sequence[Share], sides: Sequence[Arm], names: Sequence[str]) -> Iterator[Chart]:
    """One with a bar for each category and side, whose names tell them apart; none without times."""
    if not shares or not all(arm.scaled for arm in sides):
        return
    rows = [row for share in shares for row in _rows(share, names)]
    yield Chart(
        kind="intervals",
        title="Time of a step by category",
        said="; ".join(f"{row.name}: {row.note}" for row in rows) + ".",
        x=Axis("Time of a step", "s"),
        y=Axis("", names=[row.name for row in rows]),
        series=rows,
        span=(0.0, max(seconds for one in shares for seconds in (one.before or 0.0, one.after or 0.0))),
    )


def _rows(share: Share, names: Sequence[str]) -> Iterator[Series]:
    """A row for each side, with a bar from nothing to its time; without a bar for a side that has none of it."""
    for shade, (name, seconds) in enumerate(zip(names, (share.before, share.after), strict=False)):
        title = f"{share.category}, {name}" if len(names) > 1 else share.category
        bar = Point(math.nan, 0) if seconds is None else Point(seconds, 0, 0.0, seconds)
        yield Series(title, [bar], shade, note=format_value(seconds, "s"))
