"""The data of a gate or comparison that was asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dlbench.analysis import gate, metrics
from dlbench.record.schema import Run


@dataclass(frozen=True)
class GateRequest:
    """The gate, the differences that are meant, and sessions of unchanged code."""

    conditions: Sequence[gate.Condition] = ()
    allow: Sequence[str] = ()
    history: Sequence[Run] = ()
    strict: bool = False
    confirm: bool = False

    @property
    def metrics(self) -> list[str]:
        """What the conditions look at; empty where they only count."""
        return [metric for condition in self.conditions for metric in metrics.gated_by(condition.name)]
