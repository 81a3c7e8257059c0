"""Two sides of a comparison: a row for each metric, what to beware of, and what the gate says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from dlbench.analysis import compare, evidence, gate, metrics, pooling
from dlbench.analysis.compare import Comparison, Count
from dlbench.analysis.evidence import EvidenceTable, History
from dlbench.analysis.gate import Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import SCHEMA, Record, Run
from dlbench.report import gating
from dlbench.report.document import Block, Bullets, Heading, Paragraph, Table
from dlbench.report.units import interval, shown

WORDS = {1: {"slower": "more", "faster": "less"}, -1: {"slower": "less", "faster": "more"}}
"""Verdicts on a metric that is no time, by its sign."""


class Row(Record, frozen=True):
    """One metric of one pair."""

    pair: str
    comparison: Comparison


class Compared(Record, frozen=True):
    """All that a rendering of a comparison shows."""

    baseline: str
    candidate: str
    rows: tuple[Row, ...]
    counts: tuple[Count, ...]
    warnings: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = ()
    kind: Literal["dlbench comparison"] = "dlbench comparison"
    schema: int = SCHEMA


def rows(table: EvidenceTable) -> Iterator[Row]:
    """Every metric that a side of a pair has, and those that every pair is expected to have.

    Each metric is a family for Holm's correction.
    """
    names = gate.names_of(table.pairs)
    for metric in metrics.compared():
        found = compare.comparisons(table, metric)
        yield from (
            Row(pair=gate.name_of(pair, names), comparison=one)
            for pair, one in zip(table.pairs, found, strict=True)
            if one.ratio is not None or _is_missed(pair, one)
        )


def _is_missed(pair: Pair, one: Comparison) -> bool:
    """Whether somebody looks for this figure: one side has it, or both were expected to."""
    row = METRICS[one.metric]
    return (row.expected and pair.candidate.phase in row.phases) or (one.before is None) != (one.after is None)


def warnings(pairs: Sequence[Pair], history: History) -> Iterator[str]:
    """What a reader must know before believing a comparison of two reports."""
    before, after = ([run for pair in pairs for run in side(pair)] for side in (_before, _after))
    if said := pooling.machines(before, after):
        yield f"another machine: {said}"
    apart = [pair for pair in pairs if not pair.in_lockstep]
    if apart:
        yield _cross_session(apart, history)
    if apart and evidence.contended([*before, *after]):
        yield "busy machine: step times are lower quartiles, not medians, on both sides"
    yield from changed(pairs)
    yield from pooling.unrecorded(before, after)
    for count in compare.counts(pairs):
        yield f"{count.label}: {count.name} {count.before} became {count.after}"


def page(found: Compared) -> Iterator[Block]:
    """All blocks in reading order."""
    yield Heading(1, f"{found.candidate} against {found.baseline}")
    yield from gating.blocks(found.outcomes)
    if found.warnings:
        yield Heading(2, "Before you believe it")
        yield Bullets(found.warnings)
    yield Heading(2, "Candidate over baseline")
    yield Paragraph("Above 1 is slower, or more memory. Brackets hold 95 % intervals over processes or groups.")
    for metric in metrics.compared():
        of_metric = [row for row in found.rows if row.comparison.metric == metric]
        if of_metric:
            head = [METRICS[metric].title, "Baseline", "Candidate", "Ratio", "Verdict", "Could show"]
            yield Table(head, [_cells(row) for row in of_metric])


def _cells(row: Row) -> list[str]:
    one = row.comparison
    unit, sign = METRICS[one.metric].unit, METRICS[one.metric].sign
    verdict = one.verdict if unit == "s" else WORDS[sign].get(one.verdict, one.verdict)
    said = f"{verdict} ({one.reason})" if one.reason else verdict
    could_show = "–" if one.smallest_change is None else f"{one.smallest_change:.1%}"
    before, after = (shown(side.value if side else None, unit) for side in (one.before, one.after))
    return [row.pair, before, after, interval(one.ratio, ""), said, could_show]


def _cross_session(pairs: Sequence[Pair], history: History) -> str:
    text = f"cross-session: {len(pairs)} of the pairs were measured apart, so a ratio holds what the sessions differ by"
    timed = [pair for pair in pairs if pair.candidate.timed]
    if timed and all(pair.candidate in history.get("step_time", {}) for pair in timed):
        return f"{text}; their intervals are widened by what sessions of unchanged code differed by"
    return f"{text}; without a history of unchanged code (--history) they do not gate"


def changed(pairs: Iterable[Pair]) -> list[str]:
    """A line for everything else that differs between the sides of a pair, in where and with what they were made."""
    found = [change for pair in pairs for change in pooling.changes(pair.before, pair.after)]
    return list(dict.fromkeys(str(change) for change in found if not change.row.machine))


def _before(pair: Pair) -> Sequence[Run]:
    return pair.before


def _after(pair: Pair) -> Sequence[Run]:
    return pair.after
