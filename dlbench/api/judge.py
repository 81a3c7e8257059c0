"""Comparison and gate of finished Runs: two reports, or the arms of one session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlbench.analysis import (
    evidence,
    gate_refusals,
    pairs,
    provenance,
)
from dlbench.analysis.gate import GateRequest
from dlbench.errors import SpecError
from dlbench.record import places
from dlbench.record.fidelity import FIDELITY_FILE, Fidelity
from dlbench.record.reading import read_fidelities, read_plan, read_runs
from dlbench.record.schema import PLAN_FILE, RUNS_FILE, Plan, Run
from dlbench.spec import Spec
from dlbench.system import environment


@dataclass(frozen=True)
class BaselineReport:
    """A report that is the baseline of the new measurement."""

    name: str
    runs: Sequence[Run]

    @classmethod
    def named(cls, options: Mapping[str, Any]) -> BaselineReport | None:
        """Report of `--against`; None without it. Raises RecordError, and SpecError for options that belong to it."""
        source = options["against"]
        if source is None and (given := [name for name in ("allow", "history") if options[name]]):
            raise SpecError(f"--{given[0]} is about another report; give --against REPORT, or leave it out")
        return None if source is None else cls(str(source), read(source))

    def check(self, specs: Sequence[Spec], question: GateRequest) -> None:
        """Raise, before anything is measured, RecordError if nothing could be compared, SpecError for a gate."""
        well = [run for run in self.runs if run.ok]
        pairs.check_common([run.spec for run in well], specs, question.allow)
        here = provenance.machine(environment.describe())
        there = [found for run in well if (found := provenance.machine_of(run)) is not None]
        differs = [provenance.against(one, here) for one in there]
        pairs.check_machine(differs[0] if differs and all(differs) else "", question.allow)
        past = {run.session for run in question.history if run.ok} - {run.session for run in self.runs}
        if question.metrics and len(past) < evidence.LEAST_SESSIONS and pairs.SESSION not in question.allow:
            raise SpecError(f"not gated: {gate_refusals.TWO_SESSIONS}")


def read(source: Path) -> list[Run]:
    """The Runs of a report, a runs.jsonl or its folder. Raises RecordError."""
    return read_runs(places.runs_file(source))


def errors(source: Path) -> list[Fidelity]:
    """Errors of the arms of a report; none if none were recorded. Raises RecordError."""
    return read_fidelities(places.folder_of(source) / FIDELITY_FILE)


def planned(source: Path) -> Plan | None:
    """The plan of the session of a report; None if it is not beside it. Raises RecordError."""
    path = places.folder_of(source) / PLAN_FILE
    of_a_session = places.is_folder(source) or source.name == RUNS_FILE
    return read_plan(path) if of_a_session and places.is_there(path) else None
