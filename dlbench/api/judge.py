"""Comparison and gate of finished Runs: two reports, or the arms of one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dlbench.analysis import (
    compare,
    control,
    evidence,
    gate,
    labels,
    metrics,
    pairs,
    pooling,
    provenance,
    steady_state,
    validity,
)
from dlbench.analysis.gate_request import GateRequest
from dlbench.analysis.pairs import Pair
from dlbench.errors import SpecError
from dlbench.record.reading import read_plan, read_runs
from dlbench.record.schema import PLAN_FILE, RUNS_FILE, Run
from dlbench.report import comparison
from dlbench.report.comparison import Compared
from dlbench.spec import Spec, workload
from dlbench.system import environment


@dataclass(frozen=True)
class Saved:
    """A report that what is measured now is compared with."""

    name: str
    runs: Sequence[Run]

    @classmethod
    def named(cls, options: Mapping[str, Any]) -> Saved | None:
        """What `--against` names; None without it. Raises RecordError, and SpecError for options that belong to it."""
        source = options["against"]
        if source is None and (given := [name for name in ("allow", "history") if options[name]]):
            raise SpecError(f"--{given[0]} is about another report; give --against REPORT, or leave it out")
        return None if source is None else cls(str(source), read(source))

    def check(self, specs: Sequence[Spec], question: GateRequest) -> None:
        """Raise, before anything is measured, RecordError where nothing could be compared, SpecError for a gate."""
        well = [run for run in self.runs if run.status == "ok"]
        pairs.check_common([run.spec for run in well], specs, question.allow)
        here = provenance.machine(environment.describe())
        there = [found for run in well if (found := provenance.machine_of(run)) is not None]
        differs = [provenance.against(one, here) for one in there]
        pairs.check_machine(differs[0] if differs and all(differs) else "", question.allow)
        past = {run.session for run in question.history if run.status == "ok"} - {run.session for run in self.runs}
        if question.metrics and len(past) < evidence.LEAST_SESSIONS and pairs.SESSION not in question.allow:
            raise SpecError(f"not gated: {gate.TWO_SESSIONS}")


@dataclass(frozen=True)
class Answer:
    """What came out, and the exit code that it asks for; `refused` says why it cannot be gated."""

    compared: Compared
    code: int
    refused: str = ""


def read(source: Path) -> list[Run]:
    """The Runs of a report, a runs.jsonl or its folder. Raises RecordError."""
    return read_runs(source / RUNS_FILE if source.is_dir() else source)


def planned(source: Path) -> Sequence[Spec]:
    """What the session of a report meant to measure; nothing where its plan is not beside it. Raises RecordError."""
    path = (source if source.is_dir() else source.parent) / PLAN_FILE
    of_a_session = source.is_dir() or source.name == RUNS_FILE
    return read_plan(path).specs if of_a_session and path.exists() else ()


def reports(
    names: tuple[str, str],
    before: Sequence[Run],
    after: Sequence[Run],
    question: GateRequest,
    planned: Sequence[Spec] = (),
) -> Answer:
    """Compare two reports, matched by Spec. Raises RecordError or UnknownName when nothing can be compared.

    `planned` is what the session of `after` meant to measure, where that is known: what of it never ran cannot pass,
    and its twins are to have run.
    """
    before, after = (steady_state.mark(pooling.parted(runs)) for runs in (pooling.nearest_first(before, after), after))
    looked_at = dict.fromkeys(("step_time", *question.metrics))
    null_pairs = [control.null_pairs(runs, looked_at) for runs in (before, after)]
    called = labels.of_specs(run.spec for run in (*before, *after))
    objection = control.objection([one for of_side in null_pairs for one in of_side], called)
    before, after = control.without_twins(before), control.without_twins(after)
    found = pairs.match(before, after, question.allow)
    for pair in found.pairs:
        pairs.check_machine(pooling.machines(pair.before, pair.after), question.allow)
    compared = {workload(pair.candidate) for pair in found.pairs}
    arms = [msgspec.structs.replace(spec, twin=False) for spec in planned if spec.twin and workload(spec) in compared]
    unchecked = validity.unchecked(arms, after, null_pairs[1], question)
    mixed = [*pooling.mixed(before), *pooling.mixed(after)]
    past = [f"history: {text}" for text in validity.of_history(found.pairs, question.history)]
    beware = [*mixed, *past, *(f"not compared: {text}" for text in found.left_out)]
    against = [*mixed, *validity.fallen(before, after, planned, question.allow), *unchecked]
    answer = _answer(names, found.pairs, beware, question, against if question.conditions else ())
    if failed := validity.partly(after):
        answer = _with(answer, validity.weakened(answer.compared.outcomes, failed), question)
    return _vetoed(answer, objection, question) if objection else answer


def session(specs: Sequence[Spec], runs: Sequence[Run], question: GateRequest) -> gate.Gate | None:
    """Gate the arms of one session against the first of each workload as planned; None where no gate was asked for."""
    if not question.conditions:
        return None
    marked = steady_state.mark(pooling.parted(runs))
    planned, found = pairs.planned_pairs(specs, marked), control.null_pairs(marked, question.metrics)
    table = evidence.collect(planned, question.metrics, {})
    baselines = list(dict.fromkeys(pair.baseline for pair in planned))
    against = (
        *pooling.mixed(marked),
        *validity.absent(planned, runs),
        *validity.apart(table, question),
        *validity.unchecked(baselines, marked, found, question),
    )
    refused = "; ".join(dict.fromkeys(against))
    outcomes = gate.judge(table, question.conditions, list(compare.counts(planned)))
    if objection := control.objection(found, labels.of_specs(specs)):
        outcomes = validity.vetoed(outcomes, objection)
    return gate.Gate(outcomes=() if refused else tuple(outcomes), refused=refused)


def _answer(
    names: tuple[str, str], pairs: Sequence[Pair], beware: Sequence[str], question: GateRequest, fallen: Sequence[str]
) -> Answer:
    looked_at = dict.fromkeys((*metrics.compared(), *question.metrics))
    history = {metric: evidence.between_sessions(question.history, pairs, metric) for metric in looked_at}
    counts = tuple(compare.counts(pairs))
    table = evidence.collect(pairs, looked_at, history)
    outcomes = gate.judge(table, question.conditions, counts)
    refused = "; ".join(dict.fromkeys((*fallen, *validity.refusals(table, question))))
    compared = Compared(
        baseline=names[0],
        candidate=names[1],
        rows=tuple(comparison.rows(table)),
        counts=counts,
        warnings=(*comparison.warnings(pairs, history), *beware),
        outcomes=() if refused else tuple(outcomes),
    )
    return Answer(compared, gate.exit_code(outcomes, strict=question.strict), refused)


def _with(answer: Answer, outcomes: Sequence[gate.Outcome], question: GateRequest) -> Answer:
    """The answer with other outcomes and the exit code that they ask for."""
    compared = msgspec.structs.replace(answer.compared, outcomes=tuple(outcomes))
    return Answer(compared, gate.exit_code(outcomes, strict=question.strict), answer.refused)


def _vetoed(answer: Answer, objection: str, question: GateRequest) -> Answer:
    """The answer of a session that is not to be believed."""
    found = answer.compared
    rows = [
        msgspec.structs.replace(row, comparison=control.vetoed([row.comparison], objection)[0]) for row in found.rows
    ]
    unbelieved = Answer(msgspec.structs.replace(found, rows=tuple(rows)), answer.code, answer.refused)
    return _with(unbelieved, validity.vetoed(found.outcomes, objection), question)
