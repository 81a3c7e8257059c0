"""Reading of a gate or comparison that was asked for, history files included."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlbench.analysis import gate, pairs, steady_state
from dlbench.analysis.gate_request import GateRequest
from dlbench.errors import RecordError, SpecError
from dlbench.record.reading import read_runs
from dlbench.record.schema import RUNS_FILE, Run


def read(options: Mapping[str, Any]) -> GateRequest:
    """Check the options of the command line. Raises DlbenchError."""
    pairs.check_keys(options["allow"])
    history = [run for source in options["history"] for run in _read_all(source)]
    conditions = gate.parse(options["fail_on"])
    if options["strict"] and not conditions:
        raise SpecError("--strict tightens a gate and there is none; give --fail-on slower:2%")
    if options["confirm"] and not conditions:
        raise SpecError("--confirm measures again what a gate flags and there is none; give --fail-on slower:2%")
    return GateRequest(conditions, options["allow"], history, options["strict"], options["confirm"])


def _read_all(source: Path) -> list[Run]:
    """Every Run below a folder, or of one file."""
    files = sorted(source.rglob(RUNS_FILE)) if source.is_dir() else [source]
    if not files:
        raise RecordError(f"{source}: holds no {RUNS_FILE}; give the folder of the reports of unchanged code")
    return [run for file in files for run in steady_state.flag_unsteady(read_runs(file))]
