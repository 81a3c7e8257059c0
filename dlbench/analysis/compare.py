"""Comparisons: the verdict on each pair and metric, and the values that are counted instead of timed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dlbench.analysis import contradictions, evidence, labels, metrics
from dlbench.analysis.evidence import EvidenceTable
from dlbench.analysis.likeness import Likeness, Unlike
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair, arms, by_workload, with_baselines, with_eager
from dlbench.record.schema import Record, Run
from dlbench.spec import Workload
from dlbench.stats import decisions
from dlbench.stats.decisions import Evidence, Verdict
from dlbench.stats.estimates import Estimate, exp
from dlbench.stats.power import ALPHA, SAME_ALPHA
from dlbench.stats.reasons import REASONS, ReasonCode

SAID: tuple[ReasonCode, ...] = ("ranks-disagree", "one-of-many", "one-process")
"""Reasons whose own sentence a page says beside the verdict; others are plain, or have particulars."""
_APART: tuple[ReasonCode, str] = ("never-together", "never in lockstep: no group of one session holds both")
Ends = tuple[float, float]
"""The ends of an interval, the low one first."""
PARTS, NOT_SAID = "compiled parts", "not said"


class Comparison(Record, frozen=True):
    """Candidate over baseline, of one metric of one process or group: more than 1 is slower, or more memory.

    `slower` and `faster` mean worse and better, in the direction of the metric. `ratio.n` counts groups of processes in
    lockstep, or for `cross_session` the processes of the side that has fewer. `smallest_change` is the slowdown, as a
    share, that the same number with the same spread calls `slower` with 80 % power. `ratio` is None, and the verdict
    `inconclusive`, for arms that never were in lockstep; `reason` says so. `before` and `after` are the metric itself.

    `code` is the reason of the verdict (`dlbench.stats.reasons`), and `reason` its particulars if they need saying. It
    rests on `p_value` (one-sided, of a ratio beyond 1 %), on `adjusted_p` after Holm, and on `ranks_agree`.
    `interval_90` holds the one-sided 95 % bounds, beyond which `slower` and `faster` begin, and `interval_98` is that
    within which `same` lies; ratios, the low end first. `more_groups` would decide an inconclusive verdict, and take
    `more_seconds` at the pace of these. `unlike` is set if
    checks found the sides to be two models, or two computations.
    """

    baseline: str
    candidate: str
    ratio: Estimate | None
    verdict: Verdict
    code: ReasonCode
    smallest_change: float | None = None
    reason: str = ""
    metric: str = "step_time"
    cross_session: bool = False
    before: Estimate | None = None
    after: Estimate | None = None
    p_value: float | None = None
    adjusted_p: float | None = None
    ranks_agree: bool | None = None
    interval_90: Ends | None = None
    interval_98: Ends | None = None
    more_groups: int | None = None
    more_seconds: float | None = None
    unlike: Unlike | msgspec.UnsetType = msgspec.UNSET


class Undecided(Record, frozen=True):
    """A pair that ran and has no verdict, and the code of the reason."""

    workload: Workload
    baseline: str
    candidate: str
    code: ReasonCode


class Count(Record, frozen=True):
    """A value that is counted, not timed, and must be equal: the read-back of each side."""

    label: str
    name: str
    before: str
    after: str


def compare(
    runs: Iterable[Run], failure: str = "", likeness: Likeness | None = None
) -> dict[Workload, list[Comparison]]:
    """Step times of every pair in lockstep; verdicts are corrected for their number (Holm).

    With a failure of the A/A control there are no verdicts.
    """
    return _judged(with_baselines(runs), failure, likeness)


def compiled(
    runs: Iterable[Run], failure: str = "", likeness: Likeness | None = None
) -> dict[Workload, list[Comparison]]:
    """Step times of arms that compile over eager ones that are not their baseline; a family of their own for Holm."""
    return _judged(with_eager(runs), failure, likeness)


def _judged(
    found: Mapping[Workload, Sequence[Pair]], failure: str, likeness: Likeness | None
) -> dict[Workload, list[Comparison]]:
    table = evidence.collect([pair for of_load in found.values() for pair in of_load], ["step_time"])
    without = without_verdicts(comparisons(table, "step_time"), failure)
    made = (_marked(one, pair, likeness) for pair, one in zip(table.pairs, without, strict=True))
    return {load: [next(made) for _ in of_load] for load, of_load in found.items()}


def compare_arms(
    runs: Iterable[Run], load: Workload, labels_of: tuple[str, str], metric: str, likeness: Likeness | None = None
) -> Comparison:
    """One metric of two arms of a workload, baseline first, by their labels; a family of its own for Holm."""
    of = arms(by_workload(runs)[load])
    baseline, candidate = (of[label][0].spec for label in labels_of)
    before, after = ([run for run in of[label] if run.ok] for label in labels_of)
    pair = Pair(baseline, candidate, before, after)
    (found,) = comparisons(evidence.collect([pair], [metric]), metric)
    return _marked(found, pair, likeness)


def _marked(found: Comparison, pair: Pair, likeness: Likeness | None) -> Comparison:
    """The same with the mark of sides that are not alike."""
    unlike = None if likeness is None else likeness.unlike(pair.baseline, pair.candidate)
    return msgspec.structs.replace(found, unlike=unlike) if unlike else found


def comparisons(table: EvidenceTable, metric: str) -> list[Comparison]:
    """One metric of these pairs, a family for Holm's correction."""
    family = table.of(metric)
    adjusted = iter(decisions.adjusted([one for _, one in family if one is not None]))
    return [
        _without_evidence(pair, metric, apart=table.history is None and not pair.in_lockstep)
        if one is None
        else _comparison(pair, metric, one, next(adjusted))
        for pair, one in family
    ]


def without_verdicts(comparisons: Iterable[Comparison], reason: str) -> list[Comparison]:
    """Comparisons, without verdicts if there is a reason."""
    if not reason:
        return list(comparisons)
    return [
        msgspec.structs.replace(
            one, verdict="inconclusive", reason=reason, code="control-failed", more_groups=None, more_seconds=None
        )
        for one in comparisons
    ]


def spoken(code: ReasonCode) -> str:
    """The sentence that stands beside a verdict; empty if the verdict says it."""
    return REASONS[code] if code in SAID else ""


def contradiction(pair: Pair, metric: str) -> str:
    """Reason to distrust a ratio of times: the processes of a side contradict themselves. Empty if they do not."""
    return contradictions.summary(pair.before, pair.after) if METRICS[metric].paired == "rounds" else ""


def differing(workloads: Sequence[Workload]) -> dict[str, list[object]]:
    """The keys in which these workloads differ, with their values: why they are not compared with each other."""
    values = {
        name: list(dict.fromkeys(getattr(load, name) for load in workloads)) for name in Workload.__struct_fields__
    }
    return {name: found for name, found in values.items() if len(found) > 1}


def counts(pairs: Sequence[Pair]) -> Iterator[Count]:
    """Parameters, FLOPs, graphs, breaks, recompilations and compiled parts that are not equal on both sides.

    Compiled parts are counted if both sides report them.
    """
    names = labels.of_specs(spec for pair in pairs for spec in (pair.baseline, pair.candidate))
    for pair in pairs:
        before, after = _counted(pair.before), _counted(pair.after)
        for name in before:
            if before[name] != after[name] and not (name == PARTS and NOT_SAID in (before[name], after[name])):
                yield Count(label=names.spec(pair.candidate), name=name, before=before[name], after=after[name])


def _comparison(pair: Pair, metric: str, found: Evidence, adjusted_p: float) -> Comparison:
    verdict, code = decisions.verdict(found, adjusted_p)
    reason = spoken(code)
    if contradicting := contradiction(pair, metric):
        verdict, code, reason = "inconclusive", "contradictory", contradicting
    more = found.more_to_decide() if code == "too-few-groups" else None
    seconds = evidence.group_seconds(pair.before, pair.after)
    replicated = found.shift() is not None
    return Comparison(
        baseline=pair.baseline.label,
        candidate=pair.candidate.label,
        ratio=evidence.ratio(found, metric),
        verdict=verdict,
        smallest_change=decisions.minimum_detectable_change(found),
        reason=reason,
        metric=metric,
        cross_session=not pair.in_lockstep,
        before=metrics.over(METRICS[metric], pair.before),
        after=metrics.over(METRICS[metric], pair.after),
        code=code,
        p_value=decisions.p_differs(found) if replicated else None,
        adjusted_p=adjusted_p if replicated else None,
        ranks_agree=decisions.ranks_agree(found) if replicated else None,
        interval_90=_interval(found, metric, 1 - 2 * ALPHA),
        interval_98=_interval(found, metric, 1 - 2 * SAME_ALPHA),
        more_groups=more,
        more_seconds=None if more is None or seconds is None else more * seconds,
    )


def _interval(found: Evidence, metric: str, level: float) -> Ends | None:
    """The interval of the ratio of the metric itself; None without replication."""
    shift = (found if METRICS[metric].sign == 1 else found.reversed()).shift()
    if shift is None:
        return None
    low, high = shift.interval(level)
    return exp(low), exp(high)


def _without_evidence(pair: Pair, metric: str, *, apart: bool) -> Comparison:
    """`apart` says that the sides would have to be in lockstep and never were."""
    of = METRICS[metric]
    code, reason = _APART if apart else _disturbed(pair, metric) or _lacking(pair, metric)
    return Comparison(
        baseline=pair.baseline.label,
        candidate=pair.candidate.label,
        ratio=None,
        verdict="inconclusive",
        reason=reason,
        metric=metric,
        before=metrics.over(of, pair.before),
        after=metrics.over(of, pair.after),
        code=code,
    )


def _disturbed(pair: Pair, metric: str) -> tuple[ReasonCode, str] | None:
    """Code and sentence for arms whose waits for a core are not known; None if that is not why there is no ratio."""
    said = evidence.disturbance(pair.before, pair.after) if METRICS[metric].paired == "rounds" else ""
    return ("disturbed", said) if said else None


def _lacking(pair: Pair, metric: str) -> tuple[ReasonCode, str]:
    """Code and sentence for the side that has no value to take a ratio of."""
    sides = {"baseline": pair.before, "candidate": pair.after}
    lacks = [name for name, runs in sides.items() if not any((METRICS[metric].of(run) or 0.0) > 0 for run in runs)]
    of_lacking = [run for name in lacks for run in sides[name]]
    flagged = sum(run.has("unstable") for run in of_lacking)
    unsteady = flagged > 0 and METRICS[metric].expected
    why = f": the steps never became steady in {flagged} of {len(of_lacking)} processes" if unsteady else ""
    who = {0: "no group of both has a", 1: f"the {''.join(lacks)} has no", 2: "neither side has a"}[len(lacks)]
    return ("unsteady" if unsteady else "no-figure"), f"{who} {METRICS[metric].title.lower()}{why}"


def _counted(runs: Sequence[Run]) -> Mapping[str, str]:
    """All values in any of the Runs: variation within a side differs too."""
    values: dict[str, list[object]] = {
        "parameters": [run.info and run.info.parameter_count for run in runs],
        "FLOPs per step": [run.flops_per_step for run in runs],
    }
    for name in ("graphs", "breaks", "recompilations"):
        values[name] = [run.compilation and getattr(run.compilation, name) for run in runs]
    values[PARTS] = [run.compilation and ", ".join(run.compilation.parts) for run in runs]
    return {name: " / ".join(sorted({_said(value) for value in found})) for name, found in values.items()}


def _said(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else str(value or NOT_SAID)
