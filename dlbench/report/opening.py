"""The first screen of a report: the answer, the matrix of verdicts, and warnings; the same for every format."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator

from dlbench.analysis.labels import Labels
from dlbench.report import answer, findings, gating, glossary, ranking, subject
from dlbench.report.cases import Unlike
from dlbench.report.document import Answer, Block, Bullets, Heading, Paragraph
from dlbench.report.matrix import matrix
from dlbench.report.model import Report
from dlbench.stats.reasons import ONE_OF_MANY, OUT_OF_MANY

TWO_TIMES = (
    "Step time is that of steps in a row, with one wait at their end; a step latency is that of a step by itself, with "
    "a wait of its own, so its median (p50) is longer as a rule."
)


def about(report: Report) -> Iterator[Block]:
    """Arms that are not alike, and inconclusive pairs; then phases, the machine, and the check of the models."""
    for lead in (" ".join(filter(None, subject.unlike(report))), _undecided(report)):
        if lead:
            yield Paragraph(lead)
    yield Bullets(subject.lines(report))


def first(report: Report) -> Iterator[Block]:
    """The gate, and the answer."""
    if report.gate is not None:
        yield from gating.blocks(report.gate.outcomes, report.gate.refused)
    if report.answer:
        yield Answer(report.answer)


def verdicts(report: Report) -> Iterator[Block]:
    """The matrix of arms by workloads, with its legend and the rules of verdicts."""
    yield Heading(2, answer.VERDICTS)
    yield Paragraph(_legend(report))
    yield matrix(report.sections, Unlike(report.fairness))
    if any(one.verdict != "indicative" for section in report.sections for one in section.comparisons):
        yield Bullets(glossary.VERDICTS)


def rankings(report: Report) -> Iterator[Block]:
    """The fastest arms, and frameworks against each other."""
    yield from ranking.blocks(report.sections)


def warnings(report: Report) -> Iterator[Block]:
    """A/A controls and warnings."""
    names = Labels(section.workload for section in report.sections)
    controls = [findings.control_line(one, names) for one in report.controls]
    lines = [*controls, *report.warnings]
    if lines:
        yield Heading(2, "Before you believe it")
        yield Bullets(lines)


def _legend(report: Report) -> str:
    """Meaning of a cell, and how the figures were made."""
    compared = any(section.comparisons for section in report.sections)
    cell = "A cell is the step time of an arm over the baseline's: below 1 is faster." if compared else ""
    most = max((arm.planned for section in report.sections for arm in section.arms), default=0)
    how = (
        "One process each, so these figures are indicative: they have no interval and decide nothing."
        if report.indicative
        else f"Figures are means over up to {most} {_processes(report)}; brackets hold 95 % intervals over processes."
    )
    turns = "Plugins of one table took turns, sample by sample, and ratios are paired."
    alone = any({"step_time", "latency_p50"} <= arm.metrics.keys() for one in report.sections for arm in one.arms)
    parts = (cell, how, turns if compared else "", TWO_TIMES if alone else "")
    return " ".join(filter(None, parts))


def _undecided(report: Report) -> str:
    """Inconclusive pairs, said first."""
    if not report.undecided:
        return ""
    pairs = sum(len(section.comparisons) for section in report.sections)
    codes = Counter(one.code for one in report.undecided)
    why = ", ".join(f"{number} {code}" if len(codes) > 1 else code for code, number in codes.items())
    are = "is" if len(report.undecided) == 1 else "are"
    return f"{len(report.undecided)} of {pairs} pairs {are} inconclusive ({why}{_would_tell(report, codes)})."


def _would_tell(report: Report, codes: Container[str]) -> str:
    """Ways to decide the one inconclusive pair, and those that only the number of comparisons leaves open.

    The groups that others lack stand in the table of verdicts.
    """
    if ONE_OF_MANY in codes:
        return f"; {ONE_OF_MANY}: {OUT_OF_MANY}"
    lacking = [one for section in report.sections for one in section.comparisons if one.more_groups]
    alone = len(report.undecided) == 1 and len(lacking) == 1
    return f"; {findings.what_it_takes(lacking[0])} would tell" if alone else ""


def _processes(report: Report) -> str:
    kinds = {policy.isolation for policy in report.policies}
    if "fork" in kinds:
        return "processes, the first of each arm fresh and the others forked"
    return "series in one process" if "none" in kinds else "fresh processes"
