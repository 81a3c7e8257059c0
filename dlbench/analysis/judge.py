"""One judgement of Runs: comparisons, counts, the outcomes of a gate, and the reasons to refuse it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dlbench.analysis import compare, evidence, exactness, gate, gate_refusals, metrics, pairs, pooling, screening
from dlbench.analysis.compare import Comparison, Count
from dlbench.analysis.control import ControlPair
from dlbench.analysis.evidence import EvidenceTable, History
from dlbench.analysis.exactness import Errors
from dlbench.analysis.gate import Gate, GateRequest, Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Plan, Record, Run
from dlbench.spec import Spec, workload


class Row(Record, frozen=True):
    """One metric of one pair."""

    pair: str
    comparison: Comparison


class Judgement(Record, frozen=True):
    """The comparisons of two reports, or of the arms of one session, and the outcomes of a gate.

    `baseline` and `candidate` name two reports and are empty for one session. `outcomes` is empty without a gate, and
    if `refused` gives a reason against one. `strict` fails the gate for anything undecided. `controls` are the A/A
    controls of the judged sessions, for every shown or gated metric.
    """

    comparisons: tuple[Row, ...] = ()
    counts: tuple[Count, ...] = ()
    outcomes: tuple[Outcome, ...] = ()
    warnings: tuple[str, ...] = ()
    refused: str = ""
    baseline: str = ""
    candidate: str = ""
    strict: bool = False
    controls: tuple[ControlPair, ...] = ()

    @property
    def exit_code(self) -> int:
        """0 for nothing wrong, 1 for a regression, 2 for a refused gate, 3 for an undecided one."""
        return gate.FAILED if self.refused else gate.exit_code(self.outcomes, strict=self.strict)

    @property
    def gate(self) -> Gate:
        """The part that is kept beside the Runs of a session."""
        return Gate(outcomes=self.outcomes, refused=self.refused)


def reports(
    names: tuple[str, str],
    before: Sequence[Run],
    after: Sequence[Run],
    request: GateRequest,
    planned: Plan | None = None,
    errors: Errors = (),
) -> Judgement:
    """Judge two reports, matched by Spec. Raises RecordError or UnknownName when nothing can be compared.

    `planned` is the plan of the session of `after`, if known. A Spec of it that never ran cannot pass, and its
    controls are expected too.
    """
    looked_at = dict.fromkeys(("step_time", *request.metrics))
    sides = [screening.screen(runs, looked_at) for runs in (pooling.nearest_first(before, after), after)]
    controls = tuple(one for side in sides for one in side.controls)
    before, after = (side.runs for side in sides)
    found = pairs.match(before, after, request.allow)
    for pair in found.pairs:
        pairs.check_machine(pooling.machines(pair.before, pair.after), request.allow)
    table = _table(found.pairs, request)
    mixed = [*pooling.mixed(before), *pooling.mixed(after)]
    against = (
        *mixed,
        *gate_refusals.missing_in_candidate(before, after, planned.specs if planned else (), request.allow),
        *gate_refusals.without_control(_controlled(planned, found.pairs), after, sides[1].controls, request),
        *gate_refusals.refusals(table, request),
        *exactness.refusals(request.conditions, errors),
    )
    judged = _judgement(table, request, against, screening.failure(*sides), gate_refusals.partially_failed(after))
    past = [f"history: {text}" for text in gate_refusals.of_history(found.pairs, request.history)]
    left_out = [f"not compared: {text}" for text in found.left_out]
    beware = (*_warnings(table), *mixed, *past, *left_out)
    judged = _with_errors(judged, request, errors)
    return msgspec.structs.replace(judged, baseline=names[0], candidate=names[1], warnings=beware, controls=controls)


def session(specs: Sequence[Spec], runs: Sequence[Run], request: GateRequest, errors: Errors = ()) -> Judgement | None:
    """Judge the arms of one session against the first of each workload as planned; None if no gate was asked for."""
    if not request.conditions:
        return None
    screened = screening.screen(runs, request.metrics)
    planned, marked = pairs.planned_pairs(specs, screened.all_runs), screened.all_runs
    table, baselines = _table(planned, request), list(dict.fromkeys(pair.baseline for pair in planned))
    against = (
        *pooling.mixed(marked),
        *gate_refusals.never_ran(planned, runs),
        *gate_refusals.never_in_lockstep(table, request),
        *gate_refusals.without_control(baselines, marked, screened.controls, request),
        *exactness.refusals(request.conditions, errors),
    )
    judged = _judgement(table, request, against, screening.failure(screened), {})
    return msgspec.structs.replace(
        _with_errors(judged, request, errors),
        controls=tuple(screened.controls),
    )


def _with_errors(judged: Judgement, request: GateRequest, errors: Errors) -> Judgement:
    """The same with the outcomes of the condition on errors; a refused gate has none."""
    if judged.refused:
        return judged
    found = exactness.outcomes(request.conditions, errors)
    return msgspec.structs.replace(judged, outcomes=(*judged.outcomes, *found))


def _table(compared: Sequence[Pair], request: GateRequest) -> EvidenceTable:
    looked_at = dict.fromkeys((*metrics.compared(), *request.metrics))
    history = {metric: evidence.between_sessions(request.history, compared, metric) for metric in looked_at}
    return evidence.collect(compared, looked_at, history)


def _controlled(planned: Plan | None, compared: Sequence[Pair]) -> list[Spec]:
    """The arms that were planned with a control, in the workloads that are compared."""
    loads = {workload(pair.candidate) for pair in compared}
    return [spec for spec in (planned.controls if planned else ()) if workload(spec) in loads]


def _judgement(
    table: EvidenceTable, request: GateRequest, against: Iterable[str], failure: str, failed: Mapping[Spec, str]
) -> Judgement:
    """The judgement on this evidence.

    `against` are the reasons to refuse a gate. `failure` is why the session gives no verdicts. `failed` holds the
    Specs with processes that failed.
    """
    counts = tuple(compare.counts(table.pairs))
    outcomes = gate_refusals.downgrade_failed(gate.judge(table, request.conditions, counts), failed)
    outcomes = gate_refusals.invalidate(outcomes, failure) if failure else outcomes
    refused = "; ".join(dict.fromkeys(against)) if request.conditions else ""
    return Judgement(
        comparisons=tuple(_rows(table, failure)),
        counts=counts,
        outcomes=() if refused else tuple(outcomes),
        refused=refused,
        strict=request.strict,
    )


def _rows(table: EvidenceTable, failure: str) -> Iterator[Row]:
    """Metrics of a side of a pair, and the metrics expected of every pair.

    Each metric is a family for Holm's correction.
    """
    names = pairs.names_of(table.pairs)
    for metric in metrics.compared():
        found = compare.without_verdicts(compare.comparisons(table, metric), failure)
        yield from (
            Row(pair=pairs.name_of(pair, names), comparison=one)
            for pair, one in zip(table.pairs, found, strict=True)
            if one.ratio is not None or _is_missed(pair, one)
        )


def _is_missed(pair: Pair, one: Comparison) -> bool:
    """True if a reader looks for this figure: one side has it, or both were expected to."""
    row = METRICS[one.metric]
    return (row.expected and pair.candidate.phase in row.phases) or (one.before is None) != (one.after is None)


def _warnings(table: EvidenceTable) -> Iterator[str]:
    """Warnings to read before a comparison of two reports."""
    before = [run for pair in table.pairs for run in pair.before]
    after = [run for pair in table.pairs for run in pair.after]
    if said := pooling.machines(before, after):
        yield f"another machine: {said}"
    apart = [pair for pair in table.pairs if not pair.in_lockstep]
    if apart:
        yield _cross_session(apart, table.history or {})
    if apart and evidence.contended([*before, *after]):
        yield "busy machine: step times are lower quartiles, not medians, on both sides"
    yield from _changed(table.pairs)
    yield from pooling.unrecorded(before, after)
    for count in compare.counts(table.pairs):
        yield f"{count.label}: {count.name} {count.before} became {count.after}"


def _cross_session(pairs: Sequence[Pair], history: History) -> str:
    text = f"cross-session: {len(pairs)} of the pairs were measured apart, so a ratio includes the sessions' difference"
    timed = [pair for pair in pairs if pair.candidate.timed]
    if timed and all(pair.candidate in history.get("step_time", {}) for pair in timed):
        return f"{text}; their intervals are widened by the differences of sessions of unchanged code"
    return f"{text}; without a history of unchanged code (--history) they do not gate"


def _changed(pairs: Iterable[Pair]) -> list[str]:
    """A line for each other difference in the provenance of the sides of a pair."""
    found = [change for pair in pairs for change in pooling.changes(pair.before, pair.after)]
    return list(dict.fromkeys(str(change) for change in found if not change.row.machine))
