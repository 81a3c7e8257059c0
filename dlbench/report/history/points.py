"""Points of a history: every metric of every arm of a session, under a name that is the same in every report."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from dlbench.analysis import control, metrics, provenance, screening
from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import Run
from dlbench.report.exports.arms import line
from dlbench.spec import WORKLOAD_AXES, Spec, arm_key


class Point(NamedTuple):
    """One metric of one arm in one session, over `n` processes, in SI units; `low` and `high` are its 95 % interval.

    `started` is in UTC. `code` holds versions and digests of what was loaded, by name, as JSON.
    """

    session: str
    started: str
    machine: str
    arm: str
    plugin: str
    phase: str
    metric: str
    value: float
    low: float | None
    high: float | None
    n: int
    code: str


def points(runs: Sequence[Run]) -> Iterator[Point]:
    """The points of these Runs, of one session or of several; programs without a steady state have no times."""
    found: dict[tuple[str, str, str], list[Run]] = {}
    for run in control.without_controls(screening.mark(runs)):
        found.setdefault((run.session, machine(run), name(run)), []).append(run)
    for (session, at, arm), of_arm in found.items():
        well = [_without_unsteady_times(run) for run in of_arm if run.ok]
        for metric, row in METRICS.items():
            estimate = metrics.over(row, well) if of_arm[0].spec.phase in row.phases else None
            if estimate is not None and math.isfinite(estimate.value):
                spec, (low, high) = of_arm[0].spec, _interval(estimate.low, estimate.high)
                who = (session, _utc(min(run.started for run in of_arm)), at, arm, line(spec.plugin), spec.phase)
                yield Point(*who, metric, estimate.value, low, high, estimate.n, _code(well))


def _without_unsteady_times(run: Run) -> Run:
    """A Run that `drifted` as one that is `unstable`: a report shows its times as indicative, a history none."""
    return msgspec.structs.replace(run, flags=(*run.flags, "unstable")) if run.has("drifted") else run


def machine(run: Run) -> str:
    """The machine in words: processor, cores, memory, limits, system and device."""
    found = provenance.machine_of(run)
    return line(", ".join(found.values())) if found else "machine not recorded"


def name(run: Run) -> str:
    """The arm with every axis of its workload; a report says only what tells its own arms apart."""
    spec: Spec = arm_key(run.spec)
    load = ", ".join(axis.told(getattr(spec, axis.field)) for axis in WORKLOAD_AXES if _counts(axis.field, spec))
    way = "" if run.isolation == "fresh" else f", isolation {run.isolation}"
    return line(f"{spec.phase}, {spec.label}: {load}{way}")


def _counts(field: str, spec: Spec) -> bool:
    return field != "phase" and getattr(spec, field) not in ((), None, "", UNSET)


def _interval(low: float | None, high: float | None) -> tuple[float | None, float | None]:
    both = low is not None and high is not None and math.isfinite(low) and math.isfinite(high)
    return (low, high) if both else (None, None)


def _code(runs: Sequence[Run]) -> str:
    found = {one.of: f"{one.version} files {one.digest}" for run in runs for one in run.code}
    found |= {name: version for run in runs if run.info is not None for name, version in run.info.versions.items()}
    return msgspec.json.encode({line(name): line(value) for name, value in sorted(found.items())}).decode()


def _utc(started: str) -> str:
    return datetime.datetime.fromisoformat(started).astimezone(datetime.UTC).isoformat(timespec="seconds")
