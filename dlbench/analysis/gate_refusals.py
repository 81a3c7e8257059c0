"""Reasons to refuse a gate regardless of its numbers: failed runs, no A/A control, another machine.

Each reason is a line with a remedy; one is enough to refuse a gate. A condition in wrong words is refused before
anything runs, by `gate.parse`. Pure.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from dlbench.analysis import control, gate, labels, metrics, pooling
from dlbench.analysis.evidence import LEAST_SESSIONS, EvidenceTable
from dlbench.analysis.gate import Condition, GateRequest, Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import MACHINE, SESSION, Pair, differing, families, name_of, names_of
from dlbench.errors import SpecError
from dlbench.record.schema import Run
from dlbench.spec import WORKLOAD_AXES, Policy, Spec
from dlbench.stats.decisions import Unpaired

TWO_SESSIONS = (
    "the two sides are from two sessions and nothing shows the difference of sessions alone; give --history with at "
    f"least {LEAST_SESSIONS} sessions of unchanged code besides these, measure both in one session (dlbench run "
    "--env), or give --allow session"
)


def check_arms(specs: Sequence[Spec], conditions: Sequence[Condition]) -> None:
    """Raise SpecError, before anything is measured, for a session whose arms these conditions cannot gate."""
    if all(condition.name == gate.ERROR for condition in conditions):
        return
    if any(others for _, others in families(specs)):
        return
    apart = _apart([spec for spec in specs if spec.timed])
    alone = f"{specs[0].label} is measured alone"
    if apart:
        alone = f"{apart} are workloads of their own, with one arm each, which are not compared with each other"
    raise SpecError(
        f"--fail-on compares the arms of a timed phase and {alone}; name a second plugin, model, path or environment"
        f"{', or compare with a saved report (--against)' if apart else ''}"
    )


def _apart(specs: Sequence[Spec]) -> str:
    """The values of the last axis by which one arm has several workloads; empty for one workload."""
    for axis in reversed(WORKLOAD_AXES):
        values = dict.fromkeys(getattr(spec, axis.field) for spec in specs)
        if len(values) > 1 and axis.field != "phase":
            return " and ".join(axis.told(value) for value in values)
    return ""


def check_compiled(specs: Sequence[Spec], conditions: Sequence[Condition]) -> None:
    """Raise SpecError, before anything is measured, for a gate on compile time if no timed arm compiles."""
    if all(spec.path == "eager" or not spec.timed for spec in specs):
        for condition in conditions:
            if condition.name == "compile":
                raise SpecError(
                    f"{condition} needs a compiled arm, and every arm is eager; leave it out, or give --path jit"
                )


def check_processes(policy: Policy, conditions: Sequence[Condition]) -> None:
    """Raise SpecError, before anything is measured, for a gate on times or memory without replication."""
    if policy.processes == 1 and any(condition.name not in gate.SURE for condition in conditions):
        raise SpecError("one process each is indicative and never gates; measure at least 2")
    for condition in conditions:
        if policy.isolation != "fresh" and any(METRICS[name].fresh_only for name in metrics.gated_by(condition.name)):
            raise SpecError(
                f"{condition} needs fresh processes and --isolation {policy.isolation} has at most one of each arm; "
                "give --isolation fresh"
            )


def invalidate(outcomes: Iterable[Outcome], reason: str) -> list[Outcome]:
    """Outcomes of a session whose A/A control failed: no figure decides, counts stay.

    No change of any size can be told from none there, and a gate is not green because the machine was noisy.
    """
    unknown: dict[str, Any] = {"result": "underpowered", "ratio": None, "could_show": None, "reason": reason}
    return [msgspec.structs.replace(one, **unknown) if one.metric else one for one in outcomes]


def downgrade_failed(outcomes: Iterable[Outcome], failed: Mapping[Spec, str]) -> list[Outcome]:
    """Outcomes of candidates with failed processes: the others cannot let them pass.

    The failed process may have been the slowest. A regression remains a regression.
    """
    return [
        msgspec.structs.replace(one, result="underpowered", reason=f"processes of it failed ({failed[one.specs[1]]})")
        if one.specs and one.specs[1] in failed and one.result != "regression"
        else one
        for one in outcomes
    ]


def without_control(
    arms: Sequence[Spec], runs: Sequence[Run], found: Sequence[control.ControlPair], question: GateRequest
) -> Iterator[str]:
    """Arms whose gated metrics no control has, so that nothing shows the scatter of equal programs in this session."""
    checked = {(one.spec, one.comparison.metric) for one in found if one.comparison.verdict != "indicative"}
    names = labels.of_specs(arms)
    for spec, metric in itertools.product(arms, question.metrics):
        values = [METRICS[metric].of(run) for run in runs if run.member == (spec, False) and run.ok]
        if (spec, metric) not in checked and any(value is not None and value > 0 for value in values):
            why = (
                "its control did not run beside it twice (memory may not hold both), never became steady or was "
                "disturbed by other programs, or the session was planned without a gate"
            )
            yield f"{names.spec(spec)} has no A/A control ({METRICS[metric].title}): {why}; measure again"


def missing_in_candidate(
    before: Sequence[Run], after: Sequence[Run], planned: Sequence[Spec], allow: Sequence[str]
) -> Iterator[str]:
    """Specs with a partner in the baseline that never ran in the other report, though planned or tried."""
    well = {run.spec for run in after if run.ok}
    partners = {run.spec for run in before if run.ok} - well
    asked = list(dict.fromkeys((*planned, *(run.spec for run in after))))
    names = labels.of_specs(asked)
    for spec in asked:
        if spec in well or not spec.timed:
            continue
        if any(not set(differing(partner, spec)) - set(allow) for partner in partners):
            yield f"{names.spec(spec)} did not run in the candidate ({failure_reason(spec, after)})"


def never_ran(pairs: Sequence[Pair], runs: Sequence[Run]) -> Iterator[str]:
    """Sides of pairs that never ran: they cannot pass."""
    names = names_of(pairs)
    for pair in pairs:
        for spec, ended_well in ((pair.baseline, pair.before), (pair.candidate, pair.after)):
            if not ended_well:
                yield f"{names.spec(spec)} did not run ({failure_reason(spec, runs)}); leave it out or make it run"


def partially_failed(runs: Sequence[Run]) -> dict[Spec, str]:
    """Failures of Specs that also have processes that ran well."""
    found = {run.spec: failure_reason(run.spec, runs) for run in runs if not run.ok}
    return {spec: why for spec, why in found.items() if any(run.spec == spec and run.ok for run in runs)}


def failure_reason(spec: Spec, runs: Sequence[Run]) -> str:
    """Reason for the failed processes of a Spec."""
    mine = [run for run in runs if run.member == (spec, False)]
    failed = [run for run in mine if not run.ok]
    if not failed:
        return "the session ended before it"
    of = f"{len(failed)} of {len(mine)} processes: " if len(failed) < len(mine) else ""
    return f"{of}{failed[-1].status}: {failed[-1].reason}"


def never_in_lockstep(table: EvidenceTable, question: GateRequest) -> Iterator[str]:
    """Reasons not to gate pairs that ran."""
    ran, names = table.where(lambda pair: bool(pair.before and pair.after)), names_of(table.pairs)
    yield from (f"{name_of(pair, names)}: never took turns" for pair in ran.pairs if not pair.in_lockstep)
    together = ran.where(lambda pair: pair.in_lockstep)
    yield from not_gateable(together, question.conditions, sessions=False) if together.pairs else ()


def of_history(pairs: Sequence[Pair], history: Sequence[Run]) -> Iterator[str]:
    """Differences within the history of these candidates, and from the sides compared.

    Sessions of changed code also differ by the change, which widens intervals; the reader is to know of it.
    """
    found: list[pooling.Change] = []
    for pair in pairs:
        past = [run for run in history if run.spec == pair.candidate]
        origins = pooling.by_origin(pooling.parted(past))
        found += [one for other in origins[1:] for one in pooling.changes(origins[0], other)]
        found += pooling.changes(origins[0], pair.after) if origins else []
    yield from dict.fromkeys(map(str, found))


def refusals(table: EvidenceTable, question: GateRequest) -> Iterator[str]:
    """Reasons to refuse a gate on this evidence."""
    yield from not_gateable(table, question.conditions, sessions=SESSION in question.allow)
    if question.conditions and MACHINE not in question.allow:
        for pair in table.pairs:
            past = [run for run in question.history if run.spec == pair.candidate]
            if said := pooling.machines(past, pair.after):
                yield f"a history of another machine ({said}); give --allow machine if that is meant"


def not_gateable(table: EvidenceTable, conditions: Sequence[Condition], *, sessions: bool) -> Iterator[str]:
    """Reasons that these pairs cannot be gated; `sessions` allows two sessions without a history."""
    names = names_of(table.pairs)
    for condition in conditions:
        looked_at = metrics.gated_by(condition.name)
        family = [one for metric in looked_at for _, one in table.of(metric) if one is not None]
        undecided = any(gate.lacking(pair, metric, names) for pair in table.pairs for metric in looked_at)
        if looked_at and not family and not undecided:
            yield f"no pair of Runs has figures for {condition}; leave it out"
        if any(one.shift() is None for one in family):
            yield "one process each is indicative and never gates; measure at least 2"
        if not sessions and any(isinstance(one, Unpaired) and one.between is None for one in family):
            yield TWO_SESSIONS
