"""The gate of a session or a comparison: conditions and Runs in, outcomes and an exit code out. Pure.

A condition such as `slower:2%` has three answers. It fails when the candidate is shown to be slower by more than that:
the one-sided 95 % bound of the ratio lies beyond, the rank test agrees, Holm is paid. It passes when the candidate is
shown not to be: the other one-sided bound lies within (a test of non-inferiority; Westlake 1981). Else it is undecided:
`underpowered` if these numbers, or the lack of credible ones, could not have told a change of that size from none,
`inconclusive` otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from dlbench.analysis import compare, evidence, metrics, pairs
from dlbench.analysis.compare import Count
from dlbench.analysis.evidence import EvidenceTable
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair
from dlbench.errors import SpecError, UnknownName, exit_codes
from dlbench.record.schema import Record, Run
from dlbench.spec import Spec
from dlbench.stats import decisions
from dlbench.stats.decisions import Evidence
from dlbench.stats.estimates import Estimate
from dlbench.stats.power import ALPHA

COUNTS = "counts"
"""The condition without one: parameters, FLOPs, graphs, breaks, recompilations and compiled parts are equal."""

ERROR = "error"
"""The condition on errors of arms; its threshold is an error, not a share (`dlbench.analysis.exactness`)."""
SURE = (COUNTS, ERROR)
"""Conditions that one process shows as well as many."""

Result = Literal["passed", "regression", "inconclusive", "underpowered"]
FINE, REGRESSION, FAILED, UNDECIDED = exit_codes.FINE, exit_codes.CHANGED, exit_codes.FAILED, exit_codes.UNDECIDED


class Condition(Record, frozen=True):
    """Limit of a gate: no worse than the baseline by more than `threshold`, a share; no difference for `counts`.

    The share is the worse value over the better one, less 1. A step time that grows from 10 to 11 ms and a throughput
    that falls from 11 to 10 samples a second are both 10 % worse.
    """

    name: str
    threshold: float = 0.0

    def __str__(self) -> str:
        match self.name:
            case "counts":
                return self.name
            case "error":
                return f"{self.name}:{self.threshold:g}"
            case _:
                return f"{self.name}:{self.threshold * 100:g}%"


class Outcome(Record, frozen=True):
    """Outcome of a condition for one pair; `could_show` is its minimum detectable change.

    `ratio` is None without a credible measurement. `specs` are baseline and candidate; empty for counted values.
    """

    condition: str
    pair: str
    result: Result
    metric: str = ""
    ratio: Estimate | None = None
    could_show: float | None = None
    reason: str = ""
    specs: tuple[Spec, ...] = ()

    def __post_init__(self) -> None:
        if self.metric and self.metric not in METRICS:
            raise UnknownName("metric", self.metric, METRICS)


class Gate(Record, frozen=True):
    """Gate of a session with its outcomes; `refused` is the reason for having none.

    `command` measures the same again, where that is another than the command of the Runs.
    """

    outcomes: tuple[Outcome, ...] = ()
    refused: str = ""
    command: str | msgspec.UnsetType = msgspec.UNSET


@dataclass(frozen=True)
class GateRequest:
    """A requested gate or comparison, its intended differences, and sessions of unchanged code."""

    conditions: Sequence[Condition] = ()
    allow: Sequence[str] = ()
    history: Sequence[Run] = ()
    strict: bool = False
    confirm: bool = False

    @property
    def metrics(self) -> list[str]:
        """Metrics of the conditions; empty if they only count."""
        return [metric for condition in self.conditions for metric in metrics.gated_by(condition.name)]


def known() -> tuple[str, ...]:
    """Names of all conditions."""
    return (*metrics.conditions(), *SURE)


def parse(texts: Sequence[str]) -> tuple[Condition, ...]:
    """Read conditions such as `slower:2%` and `counts`. Raises UnknownName or SpecError."""
    found = tuple(_parse(text) for text in texts)
    names = [condition.name for condition in found]
    for name in names:
        if names.count(name) > 1:
            raise SpecError(f"--fail-on {name} is given {names.count(name)} times; give it once")
    return found


def judge(table: EvidenceTable, conditions: Sequence[Condition], counts: Sequence[Count]) -> list[Outcome]:
    """The outcome of every condition for every pair that has the metric, or should; each is a family for Holm.

    The table holds the metrics of all conditions.
    """
    found: list[Outcome] = []
    names = pairs.names_of(table.pairs)
    for condition in conditions:
        if condition.name == COUNTS:
            found += _judge_counts(counts, condition)
        for metric in metrics.gated_by(condition.name):
            found += _judge_metric(table, condition, metric, names)
            found += _without_evidence(table, condition, metric, names)
    return found


def exit_code(outcomes: Sequence[Outcome], *, strict: bool) -> int:
    """1 for a regression; 3 for a gate too weak for its threshold and, when strict, for anything undecided."""
    results = {outcome.result for outcome in outcomes}
    if "regression" in results:
        return REGRESSION
    if "underpowered" in results or (strict and "inconclusive" in results):
        return UNDECIDED
    return FINE


def _parse(text: str) -> Condition:
    name, colon, share = text.partition(":")
    if name not in known():
        raise UnknownName("condition", name, known(), "write it like slower:2%")
    if name == COUNTS:
        if colon:
            raise SpecError(f"--fail-on {text}: counts are equal or not; leave the threshold out")
        return Condition(name=name)
    return Condition(name=name, threshold=_error(text, share) if name == ERROR else _share(text, share))


def _error(text: str, number: str) -> float:
    try:
        found = float(number)
    except ValueError:
        found = -1.0
    if not 0 < found < 1:
        raise SpecError(
            f"--fail-on {text}: the threshold must be a relative error above 0 and below 1, like error:1e-3"
        )
    return found


def _share(text: str, share: str) -> float:
    try:
        found = float(share.removesuffix("%")) / 100 if share.endswith("%") else -1.0
    except ValueError:
        found = -1.0
    if not 0 < found < 10:
        raise SpecError(
            f"--fail-on {text}: the threshold must be a percentage above 0% and below 1000%, like slower:2%"
        )
    return found


def _judge_metric(table: EvidenceTable, condition: Condition, metric: str, names: Labels) -> Iterator[Outcome]:
    family = [(pair, one) for pair, one in table.of(metric) if one is not None]
    adjusted = decisions.adjusted([one for _, one in family], condition.threshold)
    for (pair, one), p_value in zip(family, adjusted, strict=True):
        result, reason = _decide(one, p_value, condition.threshold)
        if contradicting := compare.contradiction(pair, metric):
            result, reason = "underpowered", contradicting
        yield Outcome(
            condition=str(condition),
            pair=pairs.name_of(pair, names),
            result=result,
            metric=metric,
            ratio=evidence.ratio(one, metric),
            could_show=decisions.minimum_detectable_change(one, 0.0),
            reason=reason,
            specs=(pair.baseline, pair.candidate),
        )


def _without_evidence(table: EvidenceTable, condition: Condition, metric: str, names: Labels) -> Iterator[Outcome]:
    """Pairs that the condition is about and that show nothing of it: no change of any size would have been seen."""
    for pair, one in table.of(metric):
        if one is None and (reason := lacking(pair, metric, names)):
            yield Outcome(
                condition=str(condition),
                pair=pairs.name_of(pair, names),
                result="underpowered",
                metric=metric,
                reason=reason,
                specs=(pair.baseline, pair.candidate),
            )


def lacking(pair: Pair, metric: str, names: Labels) -> str:
    """Reason that a pair shows nothing of a metric; empty if neither side is expected to have it.

    Every program was to have an expected metric, unless it never became steady; a metric that one side alone has may
    have been removed by the other.
    """
    of = METRICS[metric]
    if not pair.before or not pair.after or pair.candidate.phase not in of.phases:
        return ""
    if of.paired == "rounds" and (disturbed := evidence.disturbance(pair.before, pair.after)):
        return disturbed
    has = [any((of.of(run) or 0.0) > 0 for run in runs) for runs in (pair.before, pair.after)]
    if of.expected or any(has):
        sides = zip((pair.baseline, pair.candidate), has, strict=True)
        lacks = [pairs.side_name(spec, pair, names) for spec, it in sides if not it]
        flagged = any(run.has("unstable") for run in (*pair.before, *pair.after))
        why = ": the steps never became steady" if of.expected and flagged else ""
        return f"{' and '.join(dict.fromkeys(lacks)) or 'no group of both'} has no {of.title.lower()}{why}"
    return ""


def _decide(found: Evidence, p_value: float, threshold: float) -> tuple[Result, str]:
    shift = found.shift()
    if shift is None:
        return "inconclusive", "one process each: indicative, never gates"
    said, code = decisions.verdict(found, p_value, threshold)
    if said == "slower":
        return "regression", ""
    could_show = decisions.minimum_detectable_change(found, 0.0)
    if could_show is not None and could_show > threshold:
        return "underpowered", f"the minimum detectable change is {could_show:.1%}"
    if shift.interval(1 - 2 * ALPHA)[1] < math.log1p(threshold):
        return "passed", ""
    return "inconclusive", compare.spoken(code)


def _judge_counts(counts: Sequence[Count], condition: Condition) -> Iterator[Outcome]:
    if not counts:
        yield Outcome(condition=str(condition), pair="all pairs", result="passed")
    for count in counts:
        said = f"{count.name} {count.before} became {count.after}"
        yield Outcome(condition=str(condition), pair=count.label, result="regression", reason=said)
