"""Setting of the figures: the configuration of the arms, the machines, and the policy of each process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis import provenance
from dlbench.record.parity import Parity
from dlbench.report import glossary
from dlbench.report.configuration import EXPLANATIONS, Fairness
from dlbench.report.document import Block, Bullets, Details, Paragraph, Table
from dlbench.report.model import Report
from dlbench.report.parity import of_subject, sentence
from dlbench.report.tables import of_first, turned
from dlbench.report.units import format_value
from dlbench.spec import Policy

NOTHING = "–"


def configuration_blocks(table: Fairness, parity: Sequence[Parity]) -> Iterator[Block]:
    """Requested and actual settings of the arms of one workload, and their parity."""
    differing = sum(row.differs for row in table.rows)
    summary = f"{len(table.arms)} arms, {differing} differences" if len(table.arms) > 1 else ""
    yield Details(f"Configuration: {table.subject}", list(_configuration(table, parity)), summary)


def _configuration(table: Fairness, parity: Sequence[Parity]) -> Iterator[Block]:
    yield Paragraph("Read back from each framework after building; ≠ marks a difference.")
    if len(table.arms) > 1:
        checked = of_subject(table.subject, parity)
        built = [one for one in checked if {one.baseline.label, one.candidate.label} <= set(table.arms)]
        yield Bullets([sentence(one) for one in built] or ["Same model: not checked."])
    alike = [row for row in table.rows if len(table.arms) > 1 and set(row.got) == {row.got[0]}]
    rows = [
        [f"≠ {row.name}" if row.differs else row.name, row.asked or NOTHING, *row.got]
        for row in table.rows
        if row not in alike
    ]
    if rows:
        yield from turned(Table(["", "Requested", *table.arms], rows, detail=True), len(table.arms))
    if alike:
        cells = [[row.name, row.asked or NOTHING, row.got[0]] for row in alike]
        yield Table(["Alike in all arms", "Requested", "Actual"], cells, detail=True)
    explained = [
        f"{row.name}: {EXPLANATIONS[row.name]}" for row in table.rows if row.differs and row.name in EXPLANATIONS
    ]
    if explained:
        yield Bullets(explained)


def environment_blocks(report: Report) -> Iterator[Block]:
    """The machines, the way in which each process measured, and the words of a page."""
    yield Details("Environment", list(_environment(report)))
    yield from glossary.blocks()


def _environment(report: Report) -> Iterator[Block]:
    for at in report.environments:
        rows = [
            *([["Python environment", at.name]] if at.name else []),
            ["Processor", f"{at.processor}, {at.cores} cores, {format_value(at.memory_bytes, 'bytes')}"],
            *([["Limits", ", ".join(provenance.limits(at.limits).values())]] if at.limits is not None else []),
            ["System", f"{at.system}, {at.python}"],
            ["Packages", ", ".join(f"{name} {version}" for name, version in at.packages.items())],
            ["Variables", ", ".join(f"{name}={value}" for name, value in at.variables.items()) or "none set"],
            *([["Instruction sets", ", ".join(map(" ".join, at.instructions.items()))]] if at.instructions else []),
            *([["Priority", f"nice {at.nice}, {at.scheduling}"]] if at.nice is not None else []),
            ["Host memory", at.memory_method],
        ]
        yield Table(["", ""], rows, detail=True)
    lean = any(of_first(section, "latency_p50") for section in report.sections)
    for policy in report.policies:
        first = " One process of each arm went first and was discarded." if policy.discard else ""
        yield Paragraph(
            f"Each process: {policy.samples} steady samples{_or_more(policy)} of at least "
            f"{format_value(policy.sample_seconds, 's')}{_in_turns(policy) or ','} "
            f"once the medians of two windows of them agree within {policy.settle_tolerance:.0%}; "
            f"latencies of single steps{_in_first(policy) if lean else ''}." + first
        )


def _in_turns(policy: Policy) -> str:
    if policy.turn_seconds is None:
        return ""
    return f", or {format_value(policy.turn_seconds, 's')} where arms of one worker take turns,"


def _or_more(policy: Policy) -> str:
    return ", or more where those of earlier groups differed," if policy.adaptive else ""


def _in_first(policy: Policy) -> str:
    if not policy.adaptive:
        return ""
    return f", a second compilation and the rate of a matrix product in the first {policy.processes} alone"
