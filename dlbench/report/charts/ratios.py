"""Forest plots: the ratio of each pair with its interval, around the line of no change."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence

from dlbench.analysis.compare import Comparison
from dlbench.analysis.labels import Labels
from dlbench.report.chart import VERDICTS, Axis, Chart, Point, Series
from dlbench.report.charts.arms import name_of
from dlbench.report.section import Section
from dlbench.report.units import format_interval, format_value

MOST_TOGETHER = 24
"""Workloads whose plots stand side by side; those of more workloads stand with their tables."""
MOST_ROWS = 20


def charts(sections: Sequence[Section], names: Labels) -> Iterator[Chart]:
    """One for each workload with ratios, all on one scale."""
    span = _span([one for section in sections for one in section.comparisons])
    for section in sections:
        compared = [one for one in section.comparisons if one.ratio is not None]
        if compared and span is not None:
            shown = sorted(compared, key=_size, reverse=True)[:MOST_ROWS]
            yield Chart(
                kind="intervals",
                title=names.title(section.workload),
                said=f"Ratios of step time; above 1 is slower. {'; '.join(map(_words, shown))}.",
                x=Axis("Step time, ratio to the baseline", logarithmic=True),
                y=Axis("", names=[name_of(section, one.candidate) for one in compared if one in shown]),
                series=[_row(section, one) for one in compared if one in shown],
                down=(1.0,),
                note=_note(section, compared, shown),
                span=span,
            )


def _row(section: Section, one: Comparison) -> Series:
    assert one.ratio is not None  # those without are left out
    point = Point(one.ratio.value, 0, one.ratio.low, one.ratio.high)
    note = f"{format_value(one.ratio.value, '')} {one.verdict}"
    return Series(name_of(section, one.candidate), [point], VERDICTS.get(one.verdict, 11), note=note)


def _figures(one: Comparison) -> str:
    return f"{format_interval(one.ratio, '')} {one.verdict}"


def _words(one: Comparison) -> str:
    return f"{one.candidate} over {one.baseline}: {_figures(one)}"


def _note(section: Section, compared: Sequence[Comparison], shown: Sequence[Comparison]) -> str:
    baselines = Counter(name_of(section, one.baseline) for one in compared)
    against = f"Against {', '.join(baselines)}."
    return against if len(shown) == len(compared) else f"{against} {len(shown)} of {len(compared)}, farthest from 1."


def _size(one: Comparison) -> float:
    """Distance from no change; a ratio that is no number counts as none."""
    value = one.ratio.value if one.ratio is not None else 1.0
    return abs(math.log(value)) if math.isfinite(value) and value > 0 else 0.0


def _span(compared: Sequence[Comparison]) -> tuple[float, float] | None:
    """Range of all ratios and their intervals, with 1 in it."""
    ends = [end for one in compared if one.ratio for end in (one.ratio.value, one.ratio.low, one.ratio.high)]
    known = [end for end in ends if end is not None and math.isfinite(end) and end > 0]
    return (min(*known, 1.0), max(*known, 1.0)) if known else None
