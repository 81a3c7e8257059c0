"""A Report in words and tables, the same for every format that people read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dlbench.analysis import provenance
from dlbench.analysis.compare import Comparison
from dlbench.analysis.control import ControlPair
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.plugin import Compilation
from dlbench.record.flags import STATUSES
from dlbench.record.parity import Parity
from dlbench.report import failures, gating
from dlbench.report import parity as sameness
from dlbench.report.configuration import EXPLANATIONS, Fairness
from dlbench.report.convergence import learning
from dlbench.report.document import Block, Bullets, Code, Heading, Paragraph, Table
from dlbench.report.model import Arm, Report, Section
from dlbench.report.units import duration, format_interval, format_value
from dlbench.spec import Policy

NOTHING = "–"


def page(report: Report) -> Iterator[Block]:
    """All blocks in reading order: what was found, what to beware of, the figures, then how they were made."""
    names = Labels(section.workload for section in report.sections)
    yield Heading(1, report.title)
    yield Paragraph(_lead(report))
    if report.gate is not None:
        yield from gating.blocks(report.gate.outcomes, report.gate.refused)
    findings = [(section.workload, one) for section in report.sections for one in section.comparisons]
    yield from _list("Findings", [_finding(names.title(load), one) for load, one in findings])
    null_pairs = [_null_pair(one, names) for one in report.null_pairs]
    yield from _list("Before you believe it", [*null_pairs, *report.warnings])
    for section in report.sections:
        yield from _section(section, names)
    yield from failures.blocks(report.sections, names)
    for table in report.fairness:
        yield from _fairness(table, sameness.of_subject(table.subject, report.parity))
    yield from _environment(report)
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
    return " ".join(filter(None, (_undecided(report), f"Started {report.started}.", how, turns if compared else "")))


def _undecided(report: Report) -> str:
    """What a reader must not take for an answer."""
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


def _finding(title: str, found: Comparison) -> str:
    where = f"{title}: a step of {found.candidate}"
    if found.ratio is None:
        return f"{where} is not compared with {found.baseline}: {found.reason}"
    text = f"{where} takes {format_interval(found.ratio, '')} times as long as one of {found.baseline}: {found.verdict}"
    text += f" ({found.reason})" if found.reason else ""
    text += "" if found.smallest_change is None else f"; could have shown {found.smallest_change:.1%}"
    return f"{text}; {what_it_takes(found)} would tell" if found.more_groups else text


def what_it_takes(found: Comparison) -> str:
    """`about 40 more groups (6 min)`."""
    time = "" if found.more_seconds is None else f" ({duration(found.more_seconds)})"
    return f"about {found.more_groups} more group{'' if found.more_groups == 1 else 's'}{time}"


def _null_pair(found: ControlPair, names: Labels) -> str:
    said = found.comparison
    of = "" if said.metric == "step_time" else f", {METRICS[said.metric].title.lower()}"
    arms = f"two equal arms ({names.spec(found.spec)}{of})"
    text = f"null pair: ratio {format_interval(said.ratio, '')} of {arms}"
    return f"{text}: told apart, so this session gives no verdicts" if found.flagged else f"{text}: {said.verdict}"


def _section(section: Section, names: Labels) -> Iterator[Block]:
    load = section.workload
    yield Heading(2, names.title(load))
    seeds = ", ".join(map(str, section.seeds))
    made_of = f" ({section.task.data})" if section.task else ""
    yield Paragraph(
        f"Task {load.task}{made_of}, batch {load.batch_size}, device {load.device}, {load.precision}, "
        f"threads {load.threads}, seed{'s' if len(section.seeds) > 1 else ''} {seeds}."
    )
    if section.stopped:
        yield Paragraph(section.stopped)
    section = msgspec.structs.replace(section, arms=_supported(section.arms))
    head = ["", *(arm.label for arm in section.arms)]
    headline = _metric_rows(section, "headline")
    yield Table(head, [*_arms_row(section), *headline, *_payback_row(section), *_ratio_rows(section)])
    yield from (Table(*table) for table in learning(section))
    for name, table in (("Once", "once"), ("Host memory above import", "memory")):
        if rows := _metric_rows(section, table):
            yield Table([name, *head[1:]], rows, detail=True)


def _supported(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Those that could be: what a framework refuses has a line among what did not run and no column; unless all do."""
    found = [arm for arm in arms if arm.ok or any(STATUSES[one.status].failed for one in arm.failures)]
    return tuple(found or arms)


def _arms_row(section: Section) -> Iterator[list[str]]:
    yield ["Processes", *(f"{arm.ok} of {arm.planned}" for arm in section.arms)]
    compiled = [_compilation(arm) for arm in section.arms]
    if any(cell != NOTHING for cell in compiled):
        yield ["Compiled", *compiled]


def _compilation(arm: Arm) -> str:
    found = [
        f"graphs {one.graphs}{_parts(one)}, breaks {one.breaks}, recompiled {one.recompilations}{_calls(one)}"
        for one in arm.compilation
        if one.graphs
    ]
    return " / ".join(dict.fromkeys(found)) or NOTHING


def _parts(found: Compilation) -> str:
    return f" ({', '.join(found.parts)})" if found.parts else ""


def _calls(found: Compilation) -> str:
    """Calls of graphs in a step, where they are more than the one that a whole step takes."""
    calls = found.calls_per_step
    return "" if calls is None or round(calls, 1) == 1.0 else f", {calls:.3g} calls of graphs a step"


def _metric_rows(section: Section, table: str) -> list[list[str]]:
    """A row for each metric of this table that any arm has."""
    rows = []
    for name, metric in METRICS.items():
        cells = [arm.metrics.get(name) for arm in section.arms]
        if metric.table == table and any(cell is not None for cell in cells):
            rows.append(
                [metric.title + _of_first(section, name), *(format_interval(cell, metric.unit) for cell in cells)]
            )
    return rows


def _of_first(section: Section, name: str) -> str:
    """` (5 processes)` where only so many of an adaptive session were measured in this."""
    found = [(arm.metrics[name].n, arm.ok) for arm in section.arms if name in arm.metrics]
    fewer = METRICS[name].stage is not None and any(number < ok for number, ok in found)
    return f" ({max(number for number, _ in found)} processes)" if fewer else ""


def _ratio_rows(section: Section) -> Iterator[list[str]]:
    """Step time against the first arm that ran, with the verdict."""
    of = {found.candidate: found for found in section.comparisons}
    if not of:
        return
    cell: list[tuple[str, Callable[[Comparison], str]]] = [
        ("Step time, ratio", lambda found: format_interval(found.ratio, "")),
        ("Verdict", lambda found: found.verdict),
        ("Smallest change it could show", lambda found: _percent(found.smallest_change)),
    ]
    first, *others = dict.fromkeys(found.baseline for found in of.values())
    for name, text in cell:
        mine = "1 (baseline)" if name == "Step time, ratio" else NOTHING
        cells = [mine if arm.label == first else NOTHING for arm in section.arms]
        yield [name, *(text(of[a.label]) if a.label in of else c for a, c in zip(section.arms, cells, strict=True))]
    if others:
        yield ["Compared with", *(of[arm.label].baseline if arm.label in of else NOTHING for arm in section.arms)]


def _payback_row(section: Section) -> Iterator[list[str]]:
    """From which step on compiling has paid for itself."""
    of = {
        one.label: "never" if one.steps is None else f"{format_value(one.steps, 'steps')}" for one in section.paybacks
    }
    if of:
        yield ["Compiling pays, against eager, after", *(of.get(arm.label, NOTHING) for arm in section.arms)]


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.1%}"


def _fairness(table: Fairness, parity: Sequence[Parity]) -> Iterator[Block]:
    yield Heading(2, f"Are the arms alike? {table.subject}")
    yield Paragraph("Read back from each framework after building; ≠ marks a difference.")
    if len(table.arms) > 1:
        built = [one for one in parity if {one.baseline.label, one.candidate.label} <= set(table.arms)]
        yield Bullets([sameness.sentence(one) for one in built] or ["Same model: not checked."])
    rows = [[f"≠ {row.name}" if row.differs else row.name, row.asked or NOTHING, *row.got] for row in table.rows]
    yield Table(["", "Asked", *table.arms], rows, detail=True)
    explained = [
        f"{row.name}: {EXPLANATIONS[row.name]}" for row in table.rows if row.differs and row.name in EXPLANATIONS
    ]
    if explained:
        yield Bullets(explained)


def _environment(report: Report) -> Iterator[Block]:
    yield Heading(2, "Where")
    for at in report.environments:
        rows = [
            *([["Python environment", at.name]] if at.name else []),
            ["Processor", f"{at.cpu}, {at.cores} cores, {format_value(at.memory_bytes, 'bytes')}"],
            *([["Left of it", ", ".join(provenance.limits(at.limits).values())]] if at.limits is not None else []),
            ["System", f"{at.system}, {at.python}"],
            ["Packages", ", ".join(f"{name} {version}" for name, version in at.packages.items())],
            ["Variables", ", ".join(f"{name}={value}" for name, value in at.variables.items()) or "none set"],
            *([["Instruction sets", ", ".join(map(" ".join, at.instructions.items()))]] if at.instructions else []),
            *([["Priority", f"nice {at.nice}, {at.scheduling}"]] if at.nice is not None else []),
            ["Host memory", at.memory_method],
        ]
        yield Table(["", ""], rows, detail=True)
    lean = any(_of_first(section, "latency_p50") for section in report.sections)
    for policy in report.policies:
        first = " One process of each arm went first and was discarded." if policy.discard else ""
        yield Paragraph(
            f"Each process: {policy.samples} steady samples of at least {format_value(policy.sample_seconds, 's')}, "
            f"once the medians of two windows of them agree within {policy.settle_tolerance:.0%}; "
            f"latencies of single steps{_in_first(policy) if lean else ''}." + first
        )


def _in_first(policy: Policy) -> str:
    if not policy.adaptive:
        return ""
    return f", a second compilation and the rate of a matrix product in the first {policy.processes} alone"
