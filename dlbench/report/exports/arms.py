"""Arms and their figures as exports need them: named apart, marked as a report marks them, and without A/A controls."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis import control, pairs, provenance, screening
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS, Metric
from dlbench.record.schema import Run, Stage
from dlbench.report.markdown import plain
from dlbench.report.model import Report
from dlbench.report.section import Arm
from dlbench.spec import Spec, Workload


class Measured(NamedTuple):
    """An arm of a workload: names that are unique in an export, its Spec, and its Runs, failed ones included."""

    workload: str
    name: str
    label: str
    spec: Spec
    runs: Sequence[Run]

    @property
    def well(self) -> list[Run]:
        """The Runs that ended well."""
        return [run for run in self.runs if run.ok]

    def values(self, metric: Metric) -> list[float]:
        """One finite number for each process that has the metric."""
        found = (metric.of(run) for run in self.well) if self.spec.phase in metric.phases else ()
        return [value for value in found if value is not None and math.isfinite(value)]


class Figure(NamedTuple):
    """A finite figure of an arm in SI units; `low` and `high` are None without replication."""

    arm: str
    metric: str
    of: Metric
    value: float
    low: float | None
    high: float | None
    n: int


def measured(runs: Sequence[Run]) -> list[Measured]:
    """All arms of all workloads, in the order of a report."""
    loads = pairs.by_workload(control.without_controls(screening.mark(runs)))
    names = Labels(loads)
    return [
        Measured(line(names.title(load)), line(names.arm(load, label)), line(label), of_arm[0].spec, of_arm)
        for load, of_load in loads.items()
        for label, of_arm in pairs.arms(of_load).items()
    ]


def named(report: Report) -> Iterator[tuple[Workload, str, Arm]]:
    """Every arm of a report with its unique name."""
    names = Labels(section.workload for section in report.sections)
    for section in report.sections:
        yield from ((section.workload, line(names.arm(section.workload, arm.label)), arm) for arm in section.arms)


def figures(report: Report) -> Iterator[Figure]:
    """Every figure that the report shows; the effort to a target if most seeds reached it."""
    for _, name, arm in named(report):
        for metric, found in arm.metrics.items():
            yield from _finite(Figure(name, metric, METRICS[metric], found.value, found.low, found.high, found.n))
        for metric, spread in arm.to_target.items():
            if spread.median is not None:
                low, high = (spread.low, spread.high) if spread.high is not None else (None, None)
                yield from _finite(Figure(name, metric, METRICS[metric], spread.median, low, high, spread.of))


def seconds_a_step(run: Run, stage: Stage) -> list[float]:
    """Seconds a step of each sample of a stage, in order; none of a program that never was steady."""
    if run.has("unstable"):
        return []
    return [one.seconds / one.steps for one in run.samples if one.stage == stage and one.seconds > 0]


def machine(runs: Sequence[Run]) -> dict[str, str]:
    """The machine in words, by property; several machines stand side by side."""
    found = [at for run in runs if (at := provenance.machine_of(run)) is not None]
    return {name: line(value) for name, value in (provenance.together(found) or {}).items()}


def line(text: str) -> str:
    """The text in one line, without control characters."""
    return " ".join(plain(text).split())


def _finite(figure: Figure) -> Iterator[Figure]:
    """The figure if it is a number that every format can hold; an interval must be finite as a whole."""
    ends = (figure.low, figure.high)
    if not all(end is not None and math.isfinite(end) for end in ends):
        figure = figure._replace(low=None, high=None)
    if math.isfinite(figure.value):
        yield figure
