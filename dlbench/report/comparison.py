"""Two sides of a comparison: a row for each metric, what to beware of, and what the gate says."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.analysis import metrics
from dlbench.analysis.judge import Judgement, Row
from dlbench.analysis.metrics import METRICS
from dlbench.report import gating
from dlbench.report.document import Block, Bullets, Heading, Paragraph, Table
from dlbench.report.units import format_interval, format_value

WORDS = {1: {"slower": "more", "faster": "less"}, -1: {"slower": "less", "faster": "more"}}
"""Verdicts on a metric that is no time, by its sign."""


def page(found: Judgement) -> Iterator[Block]:
    """All blocks in reading order."""
    yield Heading(1, f"{found.candidate} against {found.baseline}")
    yield from gating.blocks(found.outcomes)
    if found.warnings:
        yield Heading(2, "Before you believe it")
        yield Bullets(found.warnings)
    yield Heading(2, "Candidate over baseline")
    yield Paragraph("Above 1 is slower, or more memory. Brackets hold 95 % intervals over processes or groups.")
    for metric in metrics.compared():
        of_metric = [row for row in found.comparisons if row.comparison.metric == metric]
        if of_metric:
            head = [METRICS[metric].title, "Baseline", "Candidate", "Ratio", "Verdict", "Could show"]
            yield Table(head, [_cells(row) for row in of_metric])


def _cells(row: Row) -> list[str]:
    one = row.comparison
    unit, sign = METRICS[one.metric].unit, METRICS[one.metric].sign
    verdict = one.verdict if unit == "s" else WORDS[sign].get(one.verdict, one.verdict)
    said = f"{verdict} ({one.reason})" if one.reason else verdict
    could_show = "–" if one.smallest_change is None else f"{one.smallest_change:.1%}"
    before, after = (format_value(side.value if side else None, unit) for side in (one.before, one.after))
    return [row.pair, before, after, format_interval(one.ratio, ""), said, could_show]
