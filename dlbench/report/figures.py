"""The figures of each workload, folded: its tables, and its charts for formats with pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.labels import Labels
from dlbench.report import memory, scaling, tables
from dlbench.report.cases import counted
from dlbench.report.charts import Charts
from dlbench.report.document import Block, Details
from dlbench.report.section import Section

MOST_UNFOLDED = 2
"""Workloads whose figures are not folded."""


def blocks(sections: Sequence[Section], charts: Charts) -> Iterator[Block]:
    """A fold for each workload, beside a count of its verdicts, after the memory of all and scaling over workers."""
    yield from scaling.blocks(sections)
    names = Labels(section.workload for section in sections)
    yield from memory.blocks(sections)
    for section in sections:
        parts = [*tables.figures(section), *charts.of(section.workload)]
        summary = counted(one.verdict for one in section.comparisons)
        yield Details(names.title(section.workload), parts, summary, unfolded=len(sections) <= MOST_UNFOLDED)
