"""Charts of one workload: its samples, its way to the target, its memory, and the cost of compiling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dlbench.record.schema import Run
from dlbench.report.chart import Chart
from dlbench.report.charts import learning, memory, payback, samples
from dlbench.report.charts.arms import drawn_arms
from dlbench.report.section import Section


def charts(section: Section, runs: Sequence[Run], shades: Mapping[str, int]) -> tuple[Chart, ...]:
    """All for which there are figures; `shades` are those of the arms by their names."""
    arms = drawn_arms(section, runs, shades)
    return (
        *samples.charts(arms),
        *learning.charts(section, arms),
        *memory.charts(arms),
        *payback.charts(section, arms),
    )
