"""A Report in words and tables, the same for every format that people read."""

from __future__ import annotations

from collections.abc import Iterator

from dlbench.report import answer, failures, fidelity, figures, findings, opening, own_models, payoff
from dlbench.report.charts import NO_CHARTS, Charts
from dlbench.report.document import Block, Code, Details, Heading
from dlbench.report.model import Report
from dlbench.report.setting import configuration_blocks, environment_blocks


def page(report: Report, charts: Charts = NO_CHARTS) -> Iterator[Block]:
    """All blocks in reading order: the answer, the matrix of verdicts, warnings; then figures and method, folded."""
    yield Heading(1, report.title)
    yield from opening.about(report)
    yield from opening.first(report)
    yield from opening.verdicts(report)
    yield from opening.rankings(report)
    yield from opening.warnings(report)
    if charts.overview:
        yield Heading(2, "In pictures")
        yield from charts.overview
    yield from findings.blocks(report, answer.FINDINGS)
    yield from payoff.blocks(report, answer.COMPILING)
    yield from own_models.blocks(report.models or ())
    yield from fidelity.blocks(report.fidelity or ())
    yield from failures.blocks(report.sections, answer.NOT_RUN)
    yield from figures.blocks(report.sections, charts)
    for table in report.fairness:
        yield from configuration_blocks(table, report.parity)
    yield from environment_blocks(report)
    yield Details("Measure it again", [Code(report.command)])
