"""Memory of all workloads in one table: the arms with the smallest and the largest peak of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.metrics import METRICS
from dlbench.report.cases import Names
from dlbench.report.document import Block, Details, Table
from dlbench.report.section import Section
from dlbench.report.units import format_interval, format_value

PEAKS = ("device_memory_peak", "memory_peak")
TITLE = "Memory"
MOST_ROWS = 100
"""Workloads that the table shows; each has its figures below."""


def blocks(sections: Sequence[Section]) -> Iterator[Block]:
    """A fold with a table for each kind of peak that several arms of a workload have; nothing for one workload."""
    names = Names(sections)
    tables = [table for name in PEAKS for table in _table(name, sections, names)] if len(sections) > 1 else []
    if tables:
        yield Details(TITLE, tables, _summary(sections))


def _summary(sections: Sequence[Section]) -> str:
    shown = f"the first {MOST_ROWS} of {len(sections)} workloads" if len(sections) > MOST_ROWS else "each workload"
    return f"smallest and largest arm of {shown}"


def _table(name: str, sections: Sequence[Section], names: Names) -> Iterator[Table]:
    metric, rows, alone = METRICS[name], [], True
    for section in sections[:MOST_ROWS]:
        found = [(arm.metrics[name], arm.label) for arm in section.arms if name in arm.metrics]
        if len(found) < 2:
            continue
        alone = alone and all(one.n == 1 for one, _ in found)
        (least, small), (most, large) = (end(found, key=lambda one: one[0].value) for end in (min, max))
        times = f"{format_value(most.value / least.value, '')} times" if least.value > 0 else "–"
        arms = [names.arm(section.workload, label) for label in (small, large)]
        peaks = [format_interval(one, metric.unit) for one in (least, most)]
        rows.append([names.place(section.workload), arms[0], peaks[0], arms[1], peaks[1], times])
    if rows:
        of = " (1 process each)" if alone else ""
        yield Table(
            [f"{metric.title}{of}", "Smallest", "Its peak", "Largest", "Its peak", "Largest over smallest"], rows
        )
