"""CSV: a long table with one row for each sample and each figure of each Run, failed and control Runs included.

Every column has one type in all rows (`COLUMNS`), so that the table can be kept as Parquet; an empty field is no value.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

from dlbench.analysis import pairs, screening
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import Run
from dlbench.report.exports.arms import line
from dlbench.report.model import Report

COLUMNS: dict[str, Literal["text", "integer", "number", "boolean"]] = {
    "session": "text",
    "started": "text",
    "group": "integer",
    "part": "integer",
    "control": "boolean",
    "workload": "text",
    "arm": "text",
    "plugin": "text",
    "phase": "text",
    "path": "text",
    "size": "text",
    "task": "text",
    "precision": "text",
    "device": "text",
    "batch_size": "integer",
    "threads": "integer",
    "seed": "integer",
    "status": "text",
    "flags": "text",
    "kind": "text",
    "name": "text",
    "steps": "integer",
    "round": "integer",
    "turn": "integer",
    "value": "number",
    "cpu_seconds": "number",
    "unit": "text",
}
"""The columns in their order, and the type of each: figures are in SI units, `unit` names which.

`kind` is `run`, `sample` (its `value` is the wall time of all `steps` together), `time`, `memory`, `evaluation` (after
`steps` steps) or `metric`; `name` is its stage, phase or metric.
"""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings of a formula in a spreadsheet (OWASP, "CSV Injection"); such a text begins with an apostrophe instead."""


class Row(NamedTuple):
    """The columns that differ within a Run."""

    kind: str
    name: str
    value: float
    unit: str
    steps: int | None = None
    round: int | None = None
    turn: int | None = None
    cpu_seconds: float | None = None


def render(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """The table with its head."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    marked = screening.mark(runs)
    names = Labels(pairs.by_workload(marked))
    for load, of_load in pairs.by_workload(marked).items():
        for run in of_load:
            about = {"workload": names.title(load), "arm": names.arm(load, run.spec.label)}
            common = {name: _field(value) for name, value in (_of_run(run) | about).items()}
            for row in _rows(run):
                own = {name: _field(value) for name, value in row._asdict().items()}
                found = common | own
                writer.writerow([found[name] for name in COLUMNS])
    return out.getvalue()


def _of_run(run: Run) -> dict[str, Any]:
    spec = ("plugin", "phase", "path", "size", "task", "precision", "device", "batch_size", "threads", "seed")
    own = ("session", "started", "group", "part", "control", "status")
    found = {name: getattr(run.spec, name) for name in spec} | {name: getattr(run, name) for name in own}
    return found | {"flags": " ".join(run.flags)}


def _rows(run: Run) -> Iterator[Row]:
    yield Row("run", "wall_seconds", run.wall_seconds, "s")
    for sample in run.samples:
        at = (sample.steps, sample.round, sample.turn, sample.cpu_seconds)
        yield Row("sample", sample.stage, sample.seconds, "s", *at)
    yield from (Row("time", one.phase, one.seconds, "s") for one in run.times)
    for mark in run.memory:
        for name in ("peak_bytes", "resident_bytes", "device_peak_bytes", "driver_bytes"):
            if (value := getattr(mark, name)) is not None:
                yield Row("memory", f"{mark.phase} {name}", float(value), "bytes")
    unit = run.task.unit if run.task is not None else ""
    for one in run.evaluations:
        yield Row("evaluation", "quality", one.quality, unit, one.steps)
        yield Row("evaluation", "loss", one.loss, "", one.steps)
        yield Row("evaluation", "seconds", one.seconds, "s", one.steps)
    for name, metric in METRICS.items() if run.ok else ():
        if run.spec.phase in metric.phases and (found := metric.of(run)) is not None:
            yield Row("metric", name, float(found), metric.unit)


def _field(value: Any) -> str:
    """The text of a field; what a spreadsheet would take for a formula is text too."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        return repr(value)
    text = line(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
