"""The records of a Report: all that a rendering shows."""

from __future__ import annotations

from typing import Literal

import msgspec

from dlbench.analysis.compare import Undecided
from dlbench.analysis.control import ControlPair
from dlbench.analysis.gate import Gate
from dlbench.analysis.likeness import Likeness
from dlbench.record.parity import Parity
from dlbench.record.schema import SCHEMA, Environment, Record
from dlbench.report.configuration import Fairness, OwnModel
from dlbench.report.document import Statement
from dlbench.report.section import FidelityRow, Section
from dlbench.spec import Policy

Gated = Gate | None
"""The gate of a report, if it has one."""


class Report(Record, frozen=True):
    """All that a rendering shows; `parity` holds the checks that the arms are the same model.

    `answer` says in a few sentences what the numbers show. `gate` is the answer of a requested gate; `controls` compare
    each A/A control with its arm. `undecided` are the inconclusive pairs; pairs of one process each are
    `indicative` and not among them. `models` are the user's own models, unset if there are none.
    """

    title: str
    started: str
    indicative: bool
    sections: tuple[Section, ...]
    warnings: tuple[str, ...]
    fairness: tuple[Fairness, ...]
    environments: tuple[Environment, ...]
    policies: tuple[Policy, ...]
    command: str
    parity: tuple[Parity, ...] = ()
    gate: Gate | None = None
    controls: tuple[ControlPair, ...] = ()
    undecided: tuple[Undecided, ...] = ()
    answer: tuple[Statement, ...] = ()
    models: tuple[OwnModel, ...] | msgspec.UnsetType = msgspec.UNSET
    fidelity: tuple[FidelityRow, ...] | msgspec.UnsetType = msgspec.UNSET
    kind: Literal["dlbench report"] = "dlbench report"
    schema: int = SCHEMA

    @property
    def likeness(self) -> Likeness:
        """Results of the checks of its arms."""
        return Likeness(self.parity, [row.found for row in self.fidelity or ()])
