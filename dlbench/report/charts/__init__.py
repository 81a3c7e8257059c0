"""Charts of a report: from its figures and the samples of its Runs to blocks that a format with pictures draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis import control, pairs
from dlbench.analysis.labels import Labels
from dlbench.record.schema import Run
from dlbench.report.chart import Chart
from dlbench.report.charts import grids, payback, ratios, scaling, workload
from dlbench.report.model import Report
from dlbench.spec import Workload


class Charts(NamedTuple):
    """Charts of all workloads together, and those of each workload."""

    overview: Sequence[Chart] = ()
    by_workload: Mapping[Workload, Sequence[Chart]] = {}

    def of(self, load: Workload) -> Sequence[Chart]:
        """Charts of one workload."""
        return self.by_workload.get(load, ())


NO_CHARTS = Charts()
"""Nothing, for formats without pictures."""


def draw(report: Report, runs: Sequence[Run]) -> Charts:
    """All charts for which there are figures; without Runs, those that need no single samples."""
    by_workload = pairs.by_workload(control.without_controls(runs))
    names = Labels(section.workload for section in report.sections)
    compared = [section for section in report.sections if section.comparisons]
    shades = workload.shades_of(report.sections)
    together = len(compared) <= ratios.MOST_TOGETHER
    return Charts(
        overview=(
            *(ratios.charts(compared, names) if together else ()),
            *payback.overview(report),
            *grids.charts(report.sections, shades),
            *scaling.charts(report.sections),
        ),
        by_workload={
            section.workload: (
                *(() if together else ratios.charts([section], names)),
                *workload.charts(section, by_workload.get(section.workload, ()), shades),
            )
            for section in report.sections
        },
    )
