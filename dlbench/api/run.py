"""One session: plan, check parity, measure, judge, write the report."""

from __future__ import annotations

import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import NamedTuple

import msgspec

from dlbench.analysis import gate_refusals, judge, one_model
from dlbench.analysis.gate import Gate
from dlbench.analysis.judge import Judgement
from dlbench.api import comparison_file, confirm, measuring, outline, proving, render
from dlbench.api.request import RunRequest
from dlbench.errors import DlbenchError, redaction
from dlbench.parity import comparable
from dlbench.parity.kept import NOTHING, Kept, kept_on_disk
from dlbench.record import journal
from dlbench.record.fidelity import Fidelity
from dlbench.record.journal import Journal
from dlbench.record.parity import Parity
from dlbench.record.schema import Plan, Run
from dlbench.report import Report, summarize
from dlbench.session import models, plan, variants
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec
from dlbench.system import threads
from dlbench.tasks import check_data
from dlbench.workers import interpreters

INTERRUPTED = "the session was interrupted, so nothing is decided"


@dataclass(frozen=True)
class SessionResult:
    """A session and its report, which lies in `folder`.

    `judged` is the gate between its arms and `answer` the comparison with a saved report, if they were asked for.
    `ended_by` is an interruption, after which the report is partial, or the reason for the lack of a comparison.
    """

    folder: FilePath
    runs: Sequence[Run]
    report: Report
    judged: Judgement | None = None
    answer: Judgement | None = None
    ended_by: KeyboardInterrupt | DlbenchError | None = None

    @property
    def refused(self) -> str:
        """Reason that the session cannot be gated; empty if it can, or no gate was asked for."""
        return next((one.refused for one in (self.answer, self.judged) if one is not None), "")


class Proven(NamedTuple):
    """Checks of the arms beside their Runs: parity, and errors; `kept` has arrays of the one for the other."""

    parity: Sequence[Parity]
    errors: Sequence[Fidelity] = ()
    kept: Kept = NOTHING


def run(options: RunRequest, listener: Listener) -> SessionResult:
    """Measure, write the report and judge it. Raises DlbenchError for an impossible gate.

    After Ctrl-C, SIGTERM or SIGHUP the result holds the finished Runs and the exception that ended it; if nothing
    is finished, that is raised.
    """
    with _open(options) as open_journal:
        options = replace(options, folder=open_journal.folder)
        groups, families = _checked(options, open_journal, listener)
        if not open_journal.plan.pythons:  # another environment may have data of its own
            check_data(spec.task for spec in open_journal.plan.specs)
        with measuring.machines(open_journal.plan, options.cluster) as by, kept_on_disk(listener.looking) as kept:
            proven = Proven(proving.parity(families, open_journal, listener, kept), kept=kept)
            if options.against is None:
                one_model.check(open_journal.plan.specs, options.question, proven.parity)
            try:
                measuring.measure(groups, open_journal, listener, by)
                again = measuring.measure_in(options.folder, listener, by)
                return _conclude(options, open_journal, proven, listener, again)
            except KeyboardInterrupt as interruption:
                if not open_journal.runs:
                    raise
                return replace(_result(options, open_journal, proven), ended_by=interruption)


def describe(options: RunRequest, listener: Listener) -> list[str]:
    """Lines on the workloads and arms of a session, and its number of processes. Raises DlbenchError as `run` does."""
    with _open(options) as open_journal:
        groups, families = _checked(options, open_journal, listener)
        return list(outline.lines(groups, families, open_journal.plan.policy))


def _checked(
    options: RunRequest, open_journal: Journal, listener: Listener
) -> tuple[list[plan.Group], list[list[Spec]]]:
    """The groups to measure and the families to check for parity, after every check that needs no measuring."""
    specs, policy = open_journal.plan.specs, open_journal.plan.policy
    _check_question(options, specs, policy)
    _note_threads(options, specs, policy, listener)
    for line in variants.notes(specs):
        listener.note(line)
    groups = plan.groups(specs, policy, open_journal.plan.controls)
    return groups, list(map(list, comparable.families(specs))) if options.parity else []


def _note_threads(options: RunRequest, specs: Sequence[Spec], policy: Policy, listener: Listener) -> None:
    """One line if the number of threads, or the handling of the caller's variables, may surprise."""
    given = specs[0].threads if options.resume else next(iter(options.subjects.selection.get("threads", ())), None)
    if policy.isolation != "none" and (said := threads.note(given, os.environ)):
        listener.note(said)


def _open(options: RunRequest) -> Journal:
    """The journal of a new session, or of the one that is resumed."""
    if options.resume:
        resumed = journal.resume(options.folder)
        options.check_resumed(resumed.plan)
        if options.policy.budget_seconds is not None:
            resumed.budget_seconds = options.policy.budget_seconds
        if resumed.plan.pythons:
            plugins = dict.fromkeys(spec.plugin for spec in resumed.plan.specs if spec.model is None)
            interpreters.plugins(resumed.plan.pythons, list(plugins))
        return resumed
    selection = options.subjects.selection
    named = selection.get("plugin", ())
    found = interpreters.plugins(options.pythons, named) if options.pythons else None
    first = next(iter(options.pythons.values()), None)
    specs = models.expand(options.subjects, options.policy, found, first)
    controls = plan.controlled(specs) if options.question.metrics else ()
    session, pythons = uuid.uuid4().hex[:12], dict(options.pythons)
    planned = Plan(
        session=session,
        specs=tuple(specs),
        controls=controls,
        policy=options.policy,
        pythons=pythons,
        asked=options.asked,
    )
    return journal.begin(options.folder, planned, anew=options.anew)


def _check_question(options: RunRequest, specs: Sequence[Spec], policy: Policy) -> None:
    """Refuse, before measuring, a comparison or a gate that would be impossible afterwards. Raises DlbenchError."""
    gate_refusals.check_processes(policy, options.question.conditions)
    gate_refusals.check_compiled(specs, options.question.conditions)
    if options.against is None:
        gate_refusals.check_arms(specs, options.question.conditions)
    else:
        options.against.check(specs, options.question)


def _conclude(
    options: RunRequest, open_journal: Journal, proven: Proven, listener: Listener, again: confirm.Measure
) -> SessionResult:
    """Write the report, compare and gate as requested. Results are on the disk before anything is measured again."""
    specs, runs = open_journal.plan.specs, open_journal.runs
    if options.parity:
        proven = proven._replace(errors=proving.errors(open_journal, listener, proven.kept))
    question = options.question
    judged = judge.session(specs, runs, question, proven.errors) if options.against is None else None
    if judged is not None and question.confirm:
        _result(options, open_journal, proven, judged)
        judged = confirm.of_session(judged, open_journal.plan, question, again)
    result = _result(options, open_journal, proven, judged)
    try:
        return replace(result, answer=_compared(options, open_journal, proven, again))
    except DlbenchError as error:
        return replace(result, ended_by=error)


def _compared(options: RunRequest, open_journal: Journal, proven: Proven, again: confirm.Measure) -> Judgement | None:
    """The comparison with the saved report, on the disk; None if none was named."""
    question, saved, runs = options.question, options.against, open_journal.runs
    if saved is None:
        return None
    names = (saved.name, str(options.folder))
    answer = judge.reports(names, saved.runs, runs, question, open_journal.plan, proven.errors)
    if question.confirm and not answer.refused:
        comparison_file.write(answer, options.folder)
        answer = confirm.of_reports(answer, [*saved.runs, *runs], question, again)
    comparison_file.write(answer, options.folder)
    return answer


def _result(
    options: RunRequest, open_journal: Journal, proven: Proven, judged: Judgement | None = None
) -> SessionResult:
    """The report, on the disk."""
    judged = redaction.record(judged)
    said = judged.gate if judged is not None else Gate(refused=INTERRUPTED) if options.again else None
    kept = None if said is None else msgspec.structs.replace(said, command=options.again or msgspec.UNSET)
    render.keep(kept, open_journal.folder)
    open_journal.cover()
    report = summarize(open_journal.runs, proven.parity, kept, proven.errors)
    render.write(open_journal.runs, report, options.folder, options.formats)
    return SessionResult(options.folder, open_journal.runs, report, judged)
