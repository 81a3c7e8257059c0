"""A session from request to report: measure, then summarise, render and show."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from typing import Any

from rich.console import Console
from rich.text import Text

from dlbench.analysis import gate, stopping
from dlbench.api import confirm, judge, outline, request
from dlbench.api.request import RunOptions
from dlbench.cli import progress
from dlbench.errors import DlbenchError, RecordError, SpecError, redaction
from dlbench.parity import check
from dlbench.record import journal
from dlbench.record.journal import Journal
from dlbench.record.reading import read_parities, read_runs
from dlbench.record.schema import PARITY_FILE, RUNS_FILE, Parity, Plan, Run
from dlbench.report import FORMATS, Report, summarize, terminal
from dlbench.report import parity as sameness
from dlbench.report.configuration import subject_of
from dlbench.session import plan, schedule
from dlbench.spec import Policy, Spec
from dlbench.system import threads
from dlbench.tasks import check_data
from dlbench.workers import interpreters
from dlbench.workers.backends import Starter


def run(options: RunOptions) -> int:
    """Measure, write the report, show it, and return the exit code.

    1 for a regression; else 2 when a Run failed for another reason than not being supported; else what the gate says.
    Raises DlbenchError for a gate that cannot be one.

    After Ctrl-C, SIGTERM or SIGHUP what is finished is reported as partial, and KeyboardInterrupt goes on to the
    caller.
    """
    with _open(options) as open_journal:
        options = replace(options, folder=open_journal.folder)
        specs, policy = open_journal.plan.specs, open_journal.plan.policy
        _check_question(options, specs, policy)
        groups = plan.groups(specs, policy)
        families = check.families(specs) if options.parity else []
        console = terminal.console(errors=True, quiet=options.quiet)
        _say_threads(options, specs, policy, console)
        if options.dry_run:
            print("\n".join(outline.lines(groups, families, policy)))  # noqa: T201 (the answer to the command)
            return gate.FINE
        if not open_journal.plan.pythons:  # another environment may have data of its own
            check_data(spec.task for spec in specs)
        proven = _proven(families, open_journal, console)
        try:
            _measure(groups, open_journal, console, quiet=options.quiet)
            return _conclude(options, open_journal, proven, console)
        except KeyboardInterrupt:
            if open_journal.runs:
                _finish(options, open_journal, proven)
                goes_on = request.on(options.folder, options.asked)
                console.print(Text(f"interrupted: reported as partial; {goes_on} goes on from there"), soft_wrap=True)
            raise


def _measure(groups: Sequence[plan.Group], open_journal: Journal, console: Console, *, quiet: bool) -> None:
    with progress.listener(console, quiet=quiet) as listener, Starter(open_journal.plan.pythons) as start:
        schedule.record(groups, open_journal, listener, start, stopping.enough)


def _say_threads(options: RunOptions, specs: Sequence[Spec], policy: Policy, console: Console) -> None:
    """One line where the number of threads, or what becomes of the caller's variables, may surprise."""
    given = specs[0].threads if options.resume else options.selection.threads or None
    if policy.isolation != "none" and (said := threads.note(given, os.environ)):
        console.print(Text(said), soft_wrap=True)


def _open(options: RunOptions) -> Journal:
    """The journal of a new session, or of the one that is resumed."""
    if options.resume:
        resumed = journal.resume(options.folder)
        options.check_resumed(resumed.plan)
        if resumed.plan.pythons:
            interpreters.plugins(resumed.plan.pythons, list({spec.plugin: None for spec in resumed.plan.specs}))
        return resumed
    found = interpreters.plugins(options.pythons, options.selection.plugins) if options.pythons else None
    specs = plan.expand(options.selection, options.policy, found)
    specs = plan.with_twins(specs) if options.question.metrics else specs
    session, pythons = uuid.uuid4().hex[:12], dict(options.pythons)
    planned = Plan(session=session, specs=tuple(specs), policy=options.policy, pythons=pythons, asked=options.asked)
    return journal.begin(options.folder, planned, anew=options.anew)


def render(source: FilePath, out: FilePath | None, formats: Sequence[str], *, quiet: bool) -> None:
    """Render a saved report again, and show it. Raises RecordError or UnknownName."""
    path = source / RUNS_FILE if source.is_dir() else source
    formats = request.known_formats(formats)
    report = summarize(read_runs(path), read_parities(path.with_name(PARITY_FILE)), judge.kept(path.parent))
    folder = out or path.parent
    _write(report, folder, formats)
    if not quiet:
        terminal.console().print(terminal.render(report))
    for name in formats:
        print(folder / FORMATS[name].file_name)  # noqa: T201 (the answer to the command)


def prove(selection: plan.Selection, seeds: int, timeout: float) -> list[Parity]:
    """Check that what a selection spans is one model, and show every figure. Raises SpecError or UnknownName."""
    policy = Policy(timeout_seconds=timeout)
    specs = list(dict.fromkeys(plan.expand(selection, policy)))
    if len(specs) < 2:
        raise SpecError(f"parity compares two models and {specs[0].label} is one; name a second plugin or --path")
    check_data(spec.task for spec in specs)
    found = check.check(specs, range(seeds), policy.timeout_seconds)
    for one in found:
        terminal.console().print(terminal.blocks(sameness.blocks(one)))
    return found


def _proven(families: Sequence[Sequence[Spec]], open_journal: Journal, console: Console) -> list[Parity]:
    """What is known of the arms being one model; checked now, and on the disk, unless the folder has it."""
    path = open_journal.folder / PARITY_FILE
    if path.exists():
        return read_parities(path)
    proven = _prove(families, open_journal.plan, console)
    proven = redaction.record(proven)
    if proven:
        journal.append(path, proven)
    return proven


def _prove(families: Sequence[Sequence[Spec]], planned: Plan, console: Console) -> list[Parity]:
    """Check what can be checked before anything is measured."""
    proven: list[Parity] = []
    for family in families:
        arms = ", ".join(spec.label for spec in family)
        console.print(Text(f"{subject_of(family[0])}: are {arms} the same model?"), soft_wrap=True)
        found = _check_quickly(family, planned.policy.timeout_seconds, planned.pythons)
        proven += found
        for one in found:
            console.print(Text(f"    {sameness.sentence(one)}"), soft_wrap=True)
    return proven


def _check_quickly(family: Sequence[Spec], timeout: float, pythons: Mapping[str, str]) -> list[Parity]:
    """One seed, and three where that one fails: it may stand on a knife edge."""
    found = check.check(family, (0,), timeout, gradients=False, pythons=pythons)
    if all(one.same is not False for one in found):
        return found
    return check.check(family, (0, 1, 2), timeout, gradients=False, pythons=pythons)


def _check_question(options: RunOptions, specs: Sequence[Spec], policy: Policy) -> None:
    """Find out before measuring what could not be compared or gated afterwards. Raises DlbenchError."""
    gate.check_processes(policy, options.question.conditions)
    gate.check_compiled(specs, options.question.conditions)
    if options.against is None:
        gate.check_arms(specs, options.question.conditions)
    else:
        options.against.check(specs, options.question)


def _conclude(options: RunOptions, open_journal: Journal, proven: Sequence[Parity], console: Console) -> int:
    """Write and show the report, compare and gate as was asked, and return the exit code. Raises DlbenchError."""
    specs, runs = open_journal.plan.specs, open_journal.runs
    question, saved = options.question, options.against
    again = confirm.measure_in(options.folder, console, quiet=options.quiet)
    judged = judge.session(specs, runs, question) if saved is None else None
    if judged is not None and question.confirm:
        _keep(options, open_journal, proven, judged)
        judged = confirm.of_session(judged, open_journal.plan, question, again)
    _finish(options, open_journal, proven, judged)
    if saved is not None:
        answer = judge.reports((saved.name, str(options.folder)), saved.runs, runs, question, specs)
        if question.confirm and not answer.refused:
            judge.show(answer, options.folder, quiet=True)
            answer = confirm.of_reports(answer, [*saved.runs, *runs], question, again)
        return _exit_code(runs, judge.show(answer, options.folder, quiet=options.quiet))
    if judged is not None and judged.refused:
        raise DlbenchError(f"not gated: {judged.refused}")
    return _exit_code(runs, gate.exit_code(judged.outcomes if judged else (), strict=question.strict))


def _exit_code(runs: Sequence[Run], code: int) -> int:
    """What the gate says, unless a Run failed; a regression outweighs that too."""
    failed = any(run.status not in ("ok", "unsupported") for run in runs)
    return gate.FAILED if failed and code != gate.REGRESSION else code


def _finish(
    options: RunOptions, open_journal: Journal, proven: Sequence[Parity], judged: gate.Gate | None = None
) -> None:
    report = _keep(options, open_journal, proven, judged)
    if not options.quiet:
        terminal.console().print(terminal.render(report))
    first = FORMATS[options.formats[0]].file_name
    print(f"Report: {options.folder / first}" if not options.quiet else options.folder / first)  # noqa: T201


def _keep(options: RunOptions, open_journal: Journal, proven: Sequence[Parity], judged: gate.Gate | None) -> Report:
    """The report, on the disk."""
    judged = redaction.record(judged)
    judge.keep(judged, open_journal.folder)
    report = summarize(open_journal.runs, proven, judged)
    _write(report, options.folder, options.formats)
    return report


def _write(report: Any, folder: FilePath, formats: Sequence[str]) -> None:
    for name in formats:
        path = folder / FORMATS[name].file_name
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(FORMATS[name].render(report), encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{path} cannot be written ({error.strerror}); give another --out") from error
