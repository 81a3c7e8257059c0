"""Confirmation: repeats every measurement that would fail a gate, in fresh processes and reversed order.

Whoever looks at many numbers flags one by chance now and then; seldom the same one twice. A second measuring that comes
to nothing takes nothing back.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import msgspec

from dlbench.analysis import gate, gate_refusals, judge, pairs, pooling
from dlbench.analysis.gate import GateRequest, Outcome
from dlbench.analysis.judge import Judgement
from dlbench.errors import DlbenchError
from dlbench.record.schema import Plan, Run
from dlbench.session import plan
from dlbench.session.plan import Group
from dlbench.spec import Spec, workload

Sides = tuple[Spec, ...]
"""Baseline and candidate."""
Measure = Callable[[Plan, Sequence[Group]], Sequence[Run]]
"""Measures the groups of a plan."""


def of_session(judged: Judgement, planned: Plan, question: GateRequest, measure: Measure) -> Judgement:
    """The gate of a session once its regressions have been measured again."""
    flagged = {spec for sides in _flagged(judged.outcomes) for spec in sides}
    specs = [spec for spec in planned.specs if spec in flagged]
    if not specs:
        return judged
    controls = tuple(spec for spec in planned.controls if spec in flagged)
    second = _judged(specs, msgspec.structs.replace(planned, controls=controls), measure, question)[0]
    again = dict.fromkeys(_flagged(judged.outcomes), second)
    return msgspec.structs.replace(judged, outcomes=tuple(_settled(judged.outcomes, again, {})))


def of_reports(answer: Judgement, runs: Sequence[Run], question: GateRequest, measure: Measure) -> Judgement:
    """The answer for two reports once the regressions whose both sides can be measured here have been.

    Both sides can be if they are two Specs of one workload; the code of another session is not here. Each pair has a
    session of its own: in a common one, a Spec would be compared with the first of its workload.
    """
    flagged = _flagged(answer.outcomes)
    reasons = {sides: why for sides in flagged if (why := _impossible(*sides))}
    again: dict[Sides, Judgement] = {}
    for sides in flagged:
        if sides not in reasons:
            before = [run for run in runs if run.spec in sides]
            like = Plan(session="", specs=(), controls=plan.controlled(sides), policy=before[0].policy)
            again[sides], found = _judged(sides, like, measure, question)
            strange = "; ".join(dict.fromkeys(_strangers(before, found))) if found else ""
            reasons |= {sides: f"other conditions than in the reports: {strange}"} if strange else {}
    return msgspec.structs.replace(answer, outcomes=tuple(_settled(answer.outcomes, again, reasons)))


def _flagged(outcomes: Iterable[Outcome]) -> list[Sides]:
    """The pairs of regressions that noise may have made; counts are exact."""
    return list(dict.fromkeys(one.specs for one in outcomes if one.result == "regression" and one.specs))


def _judged(
    specs: Sequence[Spec], like: Plan, measure: Measure, question: GateRequest
) -> tuple[Judgement, Sequence[Run]]:
    """Gate of a second measurement, and its Runs; refused if any process of it failed."""
    try:
        found = _again(like, specs, measure)
    except DlbenchError as error:
        return Judgement(refused=str(error)), ()
    if failed := [run for run in found if not run.ok]:
        why = f"{failed[0].spec.label} did not run ({gate_refusals.failure_reason(failed[0].spec, found)})"
        return Judgement(refused=why), found
    timed = [condition for condition in question.conditions if condition.name != gate.ERROR]
    return judge.session(specs, found, replace(question, conditions=timed)) or Judgement(), found


def _again(like: Plan, specs: Sequence[Spec], measure: Measure) -> Sequence[Run]:
    """Measured by the same policy, the arms reversed: each starts, and takes its turns, in another's place."""
    again = msgspec.structs.replace(like, session=uuid.uuid4().hex[:12], specs=tuple(specs))
    groups = plan.groups(specs, again.policy, again.controls)
    return measure(again, [replace(group, members=group.members[::-1]) for group in groups])


def _impossible(baseline: Spec, candidate: Spec) -> str:
    if baseline == candidate:
        return "the code of the baseline's session is not here; measure both in one session (dlbench run --env)"
    if workload(baseline) != workload(candidate):
        return f"the sides differ in {', '.join(pairs.differing(baseline, candidate))} and cannot take turns"
    if baseline.python or candidate.python:
        return "the reports do not hold their Python environments; measure both in one session (dlbench run --env)"
    return ""


def _strangers(before: Sequence[Run], again: Sequence[Run]) -> Iterator[str]:
    for spec in dict.fromkeys(run.spec for run in before):
        sides = [[run for run in runs if run.spec == spec] for runs in (before, again)]
        yield from map(str, pooling.changes(*sides))


def _settled(
    outcomes: Iterable[Outcome], again: Mapping[Sides, Judgement], reasons: Mapping[Sides, str]
) -> Iterator[Outcome]:
    """The outcomes with every regression confirmed or undone; one stands if measuring again gave no answer.

    So does one that cannot be measured again: asking for a confirmation must not turn a gate green.
    """
    for one in outcomes:
        if one.result != "regression" or not one.specs:
            yield one
        elif one.specs in reasons:
            yield msgspec.structs.replace(one, reason=f"stands, unconfirmed: {reasons[one.specs]}")
        else:
            yield _twice(one, again[one.specs])


def _twice(one: Outcome, second: Judgement) -> Outcome:
    """A regression beside the answer of the second session's gate."""
    key = one.condition, one.metric, one.specs
    mate = next((found for found in second.outcomes if (found.condition, found.metric, found.specs) == key), None)
    if mate is None or mate.ratio is None:
        why = second.refused or (mate.reason if mate is not None else "") or "it was not measured"
        return msgspec.structs.replace(one, reason=f"stands: measured again without an answer ({why})")
    if mate.result == "regression":
        return msgspec.structs.replace(one, reason=f"confirmed: measured again, the ratio is {_ratio(mate)}")
    result = "underpowered" if mate.result == "underpowered" else "inconclusive"
    return msgspec.structs.replace(one, result=result, reason=f"not confirmed: {_undone(mate)}")


def _undone(found: Outcome) -> str:
    said = f" ({found.reason})" if found.reason else ""
    return f"measured again, the ratio is {_ratio(found)}: {found.result}{said}"


def _ratio(found: Outcome) -> str:
    return "not known" if found.ratio is None else f"{found.ratio.value:.3g}"
