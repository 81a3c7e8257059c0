"""Charts of one workload: its samples, its way to the target, its memory, and the cost of compiling."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dlbench.record.schema import Run
from dlbench.report.chart import Chart
from dlbench.report.charts import learning, memory, payback, samples
from dlbench.report.charts.arms import MOST_ARMS, drawn_arms, name_of
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


def shades_of(sections: Iterable[Section]) -> dict[str, int]:
    """A shade for each name, the same in all charts of a report; none if there are more names than shades."""
    names = dict.fromkeys(name_of(section, arm.label) for section in sections for arm in section.arms if arm.ok)
    return {name: at for at, name in enumerate(names)} if len(names) <= MOST_ARMS else {}
