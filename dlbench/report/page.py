"""A Report in words and tables, the same for every format that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from dlbench.analysis.labels import Labels
from dlbench.report import failures, fidelity, findings, gating, own_models, parity, tables
from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph
from dlbench.report.model import Report
from dlbench.report.setting import configuration_blocks, environment_blocks


def page(report: Report) -> Iterator[Block]:
    """All blocks in reading order: findings, warnings, figures, then the method."""
    names = Labels(section.workload for section in report.sections)
    yield Heading(1, report.title)
    yield Paragraph(_lead(report))
    if report.gate is not None:
        yield from gating.blocks(report.gate.outcomes, report.gate.refused)
    compared = [(section.workload, one) for section in report.sections for one in section.comparisons]
    yield from _list("Findings", [findings.finding(names.title(load), one) for load, one in compared])
    controls = [findings.control_line(one, names) for one in report.controls]
    yield from _list("Before you believe it", [*controls, *report.warnings])
    yield from own_models.blocks(report.models or ())
    yield from fidelity.blocks(report.fidelity or ())
    for section in report.sections:
        yield from tables.blocks(section, names)
    yield from failures.blocks(report.sections, names)
    for table in report.fairness:
        yield from configuration_blocks(table, report.parity)
    yield from environment_blocks(report)
    yield Heading(2, "Measure it again")
    yield Code(report.command)


def _lead(report: Report) -> str:
    most = max((arm.planned for section in report.sections for arm in section.arms), default=0)
    how = (
        "One process each, so these figures are indicative: they have no interval and decide nothing."
        if report.indicative
        else f"Figures are means over up to {most} {_processes(report)}; brackets hold 95 % intervals over processes."
    )
    turns = "Plugins of one table took turns, sample by sample, and ratios are paired."
    compared = any(section.comparisons for section in report.sections)
    unlike = (parity.lead(report.parity), fidelity.lead(report.fidelity or ()))
    return " ".join(
        filter(None, (*unlike, _undecided(report), f"Started {report.started}.", how, turns if compared else ""))
    )


def _undecided(report: Report) -> str:
    """Pairs without a verdict, said first."""
    if not report.undecided:
        return ""
    pairs = sum(len(section.comparisons) for section in report.sections)
    codes = Counter(one.code for one in report.undecided)
    why = ", ".join(f"{number} {code}" if len(codes) > 1 else code for code, number in codes.items())
    return f"No verdict on {len(report.undecided)} of {pairs} pairs ({why})."


def _processes(report: Report) -> str:
    kinds = {policy.isolation for policy in report.policies}
    if "fork" in kinds:
        return "processes, the first of each arm fresh and the others forked"
    return "series in one process" if "none" in kinds else "fresh processes"


def _list(heading: str, items: Sequence[str]) -> Iterator[Block]:
    if items:
        yield Heading(2, heading)
        yield Bullets(items)
