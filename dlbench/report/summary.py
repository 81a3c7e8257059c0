"""Runs to a Report: every number that a rendering shows, and nothing that depends on when or where it is rendered."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from dlbench.analysis import compare, control, labels, pairs, pooling, steady_state
from dlbench.analysis.gate import Gate
from dlbench.errors import DlbenchError
from dlbench.record.parity import Parity
from dlbench.record.schema import Run
from dlbench.report import parity as sameness
from dlbench.report.command import command
from dlbench.report.configuration import fairness
from dlbench.report.model import Report, Undecided
from dlbench.report.sections import section_of
from dlbench.report.versions import environments
from dlbench.report.warnings import warnings
from dlbench.spec import Spec

LONGEST_TITLE = 6
"""Arms that are named one by one."""


def summarize(runs: Sequence[Run], parity: Sequence[Parity] = (), gate: Gate | None = None) -> Report:
    """The Report of these Runs and parity checks, of any sessions. Raises DlbenchError when there is no Run."""
    if not runs:
        raise DlbenchError("there is no Run to report; the session ended before its first")
    runs = steady_state.flag_unsteady(pooling.parted(runs))
    gated = [outcome.metric for outcome in gate.outcomes if outcome.metric] if gate else []
    null_pairs = control.null_pairs(runs, dict.fromkeys(("step_time", *gated)))
    objection = control.control_failure(null_pairs, labels.of_specs(run.spec for run in runs))
    runs = control.without_twins(runs)
    comparisons = {load: control.vetoed(found, objection) for load, found in compare.compare(runs).items()}
    by_workload = pairs.by_workload(runs)
    sections = [section_of(load, of_load, comparisons.get(load, [])) for load, of_load in by_workload.items()]
    return Report(
        title=_title([msgspec.structs.replace(run.spec, variant=0) for run in runs]),
        started=min(run.started for run in runs),
        indicative=all(run.policy.indicative for run in runs),
        sections=tuple(sections),
        warnings=(*sameness.warnings(parity), *warnings(by_workload)),
        fairness=tuple(fairness(runs)),
        environments=tuple(environments(runs)),
        policies=tuple(dict.fromkeys(run.policy for run in runs)),
        command=command(runs),
        parity=tuple(parity),
        gate=gate,
        null_pairs=tuple(null_pairs),
        undecided=tuple(
            Undecided(workload=load, baseline=one.baseline, candidate=one.candidate, code=one.code)
            for load, found in comparisons.items()
            for one in found
            if one.verdict == "inconclusive"
        ),
    )


def _title(specs: Sequence[Spec]) -> str:
    """The arms, or where they are many what they have in common."""
    arms = list(dict.fromkeys(spec.label for spec in specs))
    if len(arms) <= LONGEST_TITLE:
        return ", ".join(arms)
    number = len({spec.plugin for spec in specs})
    frameworks, paths = ([*dict.fromkeys(getattr(spec, axis) for spec in specs)] for axis in ("framework", "path"))
    return f"{number} plugins of {', '.join(frameworks)} on {', '.join(paths)}"
