"""Two sides of a comparison: a row for each metric, warnings, and the gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dlbench.analysis import metrics
from dlbench.analysis.compare import Comparison, Ends
from dlbench.analysis.control import ControlPair
from dlbench.analysis.judge import Judgement, Row
from dlbench.analysis.metrics import METRICS
from dlbench.report import gating
from dlbench.report.cases import beyond
from dlbench.report.document import Answer, Block, Bullets, Heading, Paragraph, Statement, Table
from dlbench.report.findings import what_it_takes
from dlbench.report.units import format_interval, format_value
from dlbench.stats.decisions import EQUIVALENCE_MARGIN, NEGLIGIBLE_CHANGE
from dlbench.stats.reasons import REASONS

WORDS = {1: {"slower": "more", "faster": "less"}, -1: {"slower": "less", "faster": "more"}}
"""Verdicts on a metric that is no time, by its sign."""


TITLE = "Candidate over baseline"


def page(found: Judgement) -> Iterator[Block]:
    """All blocks in reading order."""
    yield Heading(1, f"{found.candidate} against {found.baseline}")
    yield from gating.blocks(found.outcomes)
    if said := answer(found):
        yield Answer(said)
    yield from warnings(found)
    yield from tables(found)


def answer(found: Judgement) -> list[Statement]:
    """A sentence for each metric: its verdicts counted, and the largest difference named."""
    rows = [row for row in found.comparisons if row.comparison.verdict != "indicative" and not row.comparison.unlike]
    of = {metric: [row for row in rows if row.comparison.metric == metric] for metric in metrics.compared()}
    said = [_said(METRICS[metric].title, of_metric) for metric, of_metric in of.items() if of_metric]
    if left := len(found.comparisons) - len(rows):
        said.append(f"Nothing is said of {left} of {len(found.comparisons)} figures: one process, or not the same.")
    return [Statement(text, TITLE) for text in said]


def _said(title: str, rows: Sequence[Row]) -> str:
    top = max(rows, key=lambda row: beyond(row.comparison))
    ratio = format_interval(top.comparison.ratio, "")
    if len(rows) == 1:
        return f"{title} of {top.pair}: {_verdict(top.comparison)}, ratio {ratio}."
    number = Counter(_verdict(row.comparison) for row in rows)
    counts = ", ".join(f"{times} {verdict}" for verdict, times in number.most_common())
    most = f"; the largest difference is {top.pair}, ratio {ratio}" if beyond(top.comparison) else ""
    return f"{title} of {len(rows)} pairs: {counts}{most}."


def warnings(found: Judgement) -> Iterator[Block]:
    """Warnings to read before a figure is believed."""
    if found.warnings:
        yield Heading(2, "Before you believe it")
        yield Bullets(found.warnings)


def tables(found: Judgement) -> Iterator[Block]:
    """A table for each metric, the largest difference beyond its uncertainty first."""
    yield Heading(2, TITLE)
    yield Paragraph("Above 1 is slower, or more memory. Brackets hold 95 % intervals over processes or groups.")
    for metric in metrics.compared():
        of_metric = [row for row in found.comparisons if row.comparison.metric == metric]
        of_metric.sort(key=lambda row: -beyond(row.comparison))
        if of_metric:
            head = [METRICS[metric].title, "Baseline", "Candidate", "Ratio", "Verdict", "Minimum detectable change"]
            yield Table(head, [_cells(row) for row in of_metric])


def explanation(rows: Sequence[Row], controls: Sequence[ControlPair]) -> Iterator[Block]:
    """The numbers that every verdict rests on: `--explain` of `dlbench compare` and `dlbench report`."""
    yield Heading(2, "Numbers behind each verdict")
    yield Bullets([_explained(row) for row in rows] or ["There is no comparison."])
    yield Heading(2, "A/A control")
    yield Bullets([_control(one) for one in controls] or ["None: no arm of these sessions was measured twice."])


def _explained(row: Row) -> str:
    one = row.comparison
    of = METRICS[one.metric]
    parts = [f"{row.pair}, {of.title.lower()}: {_verdict(one)} ({one.code}: {REASONS[one.code]})"]
    if one.ratio is not None:
        unit = "processes a side" if one.cross_session else "groups in lockstep"
        parts.append(f"{one.ratio.n} {unit}, ratio {format_interval(one.ratio, '')}")
    if one.p_value is not None and one.adjusted_p is not None:
        ranks = "agrees" if one.ranks_agree else "does not agree"
        parts.append(f"p {one.p_value:.2g} beyond 1 %, {one.adjusted_p:.2g} after Holm; the rank test {ranks}")
    parts += _bounds(one)
    if one.smallest_change is not None:
        parts.append(f"minimum detectable change {one.smallest_change:.1%}")
    parts += [f"{what_it_takes(one)} would tell"] if one.more_groups else []
    return "; ".join([*parts, *([one.reason] if one.reason and one.reason != REASONS[one.code] else [])])


def _bounds(one: Comparison) -> Iterator[str]:
    """The intervals that verdicts rest on, with the limits that they are held against."""
    row = METRICS[one.metric]
    slower, faster = ("slower", "faster") if row.unit == "s" else WORDS[row.sign].values()
    if one.interval_90 is not None:
        low, high = 1 / (1 + NEGLIGIBLE_CHANGE), 1 + NEGLIGIBLE_CHANGE
        limits = f"`{slower}` needs the lower one above {high:.4g}, `{faster}` the upper one below {low:.4g}"
        yield f"one-sided 95 % bounds {_ends(one.interval_90)}: {limits}, after Holm, and ranks that agree"
    if one.interval_98 is not None:
        low, high = 1 / (1 + EQUIVALENCE_MARGIN), 1 + EQUIVALENCE_MARGIN
        yield f"98 % interval {_ends(one.interval_98)}: `same` lies within {low:.4g} and {high:.4g}"


def _ends(of: Ends) -> str:
    return f"{of[0]:.4g} and {of[1]:.4g}"


def _control(found: ControlPair) -> str:
    one = found.comparison
    return (
        f"{found.spec.phase}, {found.spec.label} twice, {METRICS[one.metric].title.lower()}: "
        f"ratio {format_interval(one.ratio, '')}, {one.verdict}"
    )


def _verdict(one: Comparison) -> str:
    row = METRICS[one.metric]
    return one.verdict if row.unit == "s" else WORDS[row.sign].get(one.verdict, one.verdict)


def _cells(row: Row) -> list[str]:
    one = row.comparison
    unit, verdict = METRICS[one.metric].unit, _verdict(one)
    said = f"{verdict} ({one.reason})" if one.reason else verdict
    could_show = "–" if one.smallest_change is None else f"{one.smallest_change:.1%}"
    before, after = (format_value(side.value if side else None, unit) for side in (one.before, one.after))
    return [row.pair, before, after, format_interval(one.ratio, ""), said, could_show]
