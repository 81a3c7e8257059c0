"""What a comparison is asked: the gate, and what may differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlbench import gate, matching, steadiness
from dlbench.decoding import read_runs
from dlbench.errors import RecordError, SpecError
from dlbench.record import RUNS_FILE, Run


@dataclass(frozen=True)
class Question:
    """What a comparison was asked: the gate, the differences that are meant, sessions of unchanged code."""

    conditions: Sequence[gate.Condition] = ()
    allow: Sequence[str] = ()
    history: Sequence[Run] = ()
    strict: bool = False
    confirm: bool = False

    @property
    def metrics(self) -> list[str]:
        """What the conditions look at; empty where they only count."""
        return [metric for condition in self.conditions for metric in gate.METRICS.get(condition.name, ())]

    @classmethod
    def read(cls, options: Mapping[str, Any]) -> Question:
        """Check the options of the command line. Raises DlbenchError."""
        matching.check_keys(options["allow"])
        history = [run for source in options["history"] for run in _read_all(source)]
        conditions = gate.parse(options["fail_on"])
        if options["strict"] and not conditions:
            raise SpecError("--strict tightens a gate and there is none; give --fail-on slower:2%")
        if options["confirm"] and not conditions:
            raise SpecError("--confirm measures again what a gate flags and there is none; give --fail-on slower:2%")
        return cls(conditions, options["allow"], history, options["strict"], options["confirm"])


def _read_all(source: Path) -> list[Run]:
    """Every Run below a folder, or of one file."""
    files = sorted(source.rglob(RUNS_FILE)) if source.is_dir() else [source]
    if not files:
        raise RecordError(f"{source}: holds no {RUNS_FILE}; give the folder of the reports of unchanged code")
    return [run for file in files for run in steadiness.mark(read_runs(file))]
