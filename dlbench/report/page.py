"""A Report in words and tables, the same for every format that people read."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.analysis.labels import Labels
from dlbench.report import answer, failures, fidelity, findings, opening, own_models, payoff, tables
from dlbench.report.document import Block, Code, Details, Heading
from dlbench.report.model import Report
from dlbench.report.setting import configuration_blocks, environment_blocks

MOST_UNFOLDED = 2
"""Workloads whose figures are not folded."""


def page(report: Report) -> Iterator[Block]:
    """All blocks in reading order: the answer, the matrix of verdicts, warnings; then figures and method, folded."""
    names = Labels(section.workload for section in report.sections)
    yield Heading(1, report.title)
    yield from opening.first(report)
    yield from opening.verdicts(report)
    yield from opening.warnings(report)
    yield from findings.blocks(report, answer.FINDINGS)
    yield from payoff.blocks(report, answer.COMPILING)
    yield from own_models.blocks(report.models or ())
    yield from fidelity.blocks(report.fidelity or ())
    yield from failures.blocks(report.sections, names, answer.NOT_RUN)
    for section in report.sections:
        yield from tables.blocks(section, names, unfolded=len(report.sections) <= MOST_UNFOLDED)
    for table in report.fairness:
        yield from configuration_blocks(table, report.parity)
    yield from environment_blocks(report)
    yield Details("Measure it again", [Code(report.command)])
