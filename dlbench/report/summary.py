"""Runs to a Report: every number that a rendering shows, and nothing that depends on the time or place of rendering."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dlbench.analysis import compare, screening
from dlbench.analysis.likeness import Errors, Likeness, Parities
from dlbench.errors import DlbenchError
from dlbench.record.schema import Run
from dlbench.report import answer, fidelity, leading
from dlbench.report.command import command, title_of
from dlbench.report.configuration import environments, fairness, own_models
from dlbench.report.model import Gated, Report
from dlbench.report.warnings import warnings


def summarize(
    runs: Sequence[Run],
    parity: Parities = (),
    gate: Gated = None,
    errors: Errors = (),
) -> Report:
    """The Report of these Runs, parity checks and errors of arms. Raises DlbenchError when there is no Run."""
    if not runs:
        raise DlbenchError("there is no Run to report; the session ended before its first")
    gated = [outcome.metric for outcome in gate.outcomes if outcome.metric] if gate else []
    screened = screening.screen(runs, dict.fromkeys(("step_time", *gated)))
    runs = screened.runs
    how = (screening.failure(screened), Likeness(parity, errors))
    built = tuple(fairness(runs))
    judged = (compare.compare(runs, *how), compare.compiled(runs, *how))
    sections = leading.sections(screened.all_runs, *judged, built)
    exact = tuple(fidelity.rows(errors, screened.all_runs, sections))
    return Report(
        title=title_of(run.spec for run in runs),
        started=min(run.started for run in runs),
        indicative=all(run.policy.indicative for run in runs),
        sections=sections,
        warnings=(*fidelity.warnings(exact), *warnings(runs, parity, built, sections)),
        fairness=built,
        environments=tuple(environments(runs)),
        policies=tuple(dict.fromkeys(run.policy for run in runs)),
        command=(gate.command if gate else "") or command(runs),
        parity=tuple(parity),
        answer=answer.of(sections, built),
        gate=gate,
        controls=tuple(screened.controls),
        fidelity=exact or msgspec.UNSET,
        models=own_models(run.spec for run in runs),
        undecided=tuple(leading.undecided(sections)),
    )
