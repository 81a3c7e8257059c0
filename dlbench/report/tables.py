"""The tables of a workload: its arms beside each other, ratios, verdicts, and figures measured once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence

import msgspec

from dlbench.analysis.compare import Comparison
from dlbench.analysis.cost import Cost
from dlbench.analysis.metrics import METRICS
from dlbench.plugin import Compilation
from dlbench.record.flags import STATUSES
from dlbench.report.cases import UNLIKE
from dlbench.report.convergence import learning
from dlbench.report.document import Block, Paragraph, Table
from dlbench.report.payoff import in_section
from dlbench.report.section import Arm, Section
from dlbench.report.units import digits, format_figure, format_interval
from dlbench.spec import unusual

NOTHING = "–"
MOST_COLUMNS = 5
"""Arms that stand beside each other; more have a row each."""


def turned(table: Table, arms: int) -> Iterator[Table]:
    """The table with a row for each arm, in equal parts that a page can show, if it has more than five arms."""
    if arms <= MOST_COLUMNS:
        yield table
        return
    columns = [table.head, *table.rows]
    width = math.ceil(len(table.rows) / max(1, math.ceil(len(table.rows) / MOST_COLUMNS)))
    for first in range(1, len(columns), max(1, width)):
        part = [columns[0], *columns[first : first + width]]
        name, *rows = (list(row) for row in zip(*part, strict=True))
        yield Table(name, rows, table.detail)


def figures(section: Section) -> Iterator[Block]:
    """Settings of a workload and the tables of its figures."""
    load = section.workload
    seeds = ", ".join(map(str, section.seeds))
    made_of = f" ({section.task.data})" if section.task else ""
    more = unusual(load, ("device", "precision"))
    said = [f"Task {load.task}{made_of}", f"batch {load.batch_size}", f"device {load.device}", load.precision]
    said += [f"threads {load.threads}", *more, f"seed{'s' if len(section.seeds) > 1 else ''} {seeds}"]
    yield Paragraph(f"{', '.join(said)}.")
    if section.stopped:
        yield Paragraph(section.stopped)
    if section.cost is not None:
        yield Paragraph(_seconds_to_a_verdict(section.cost, section.comparisons))
    section = msgspec.structs.replace(section, arms=_supported(section.arms))
    head = ["", *(arm.label for arm in section.arms)]
    headline = _metric_rows(section, "headline")
    arms = len(section.arms)
    rows = [*_ratio_rows(section), *_arms_row(section), *headline, *_payback_row(section)]
    yield from turned(Table(head, rows), arms)
    for learnt in learning(section):
        yield from turned(Table(*learnt), arms)
    for name, table in (("Once", "once"), ("Host memory", "memory")):
        if rows := _metric_rows(section, table):
            yield from turned(Table([name, *head[1:]], rows, detail=True), arms)


def _seconds_to_a_verdict(cost: Cost, comparisons: Sequence[Comparison]) -> str:
    decided = all(one.verdict not in ("inconclusive", "indicative") for one in comparisons)
    parts = ", ".join(f"{part} {digits(seconds, '', seconds)}" for part, seconds in cost.parts.items())
    groups = f"{cost.groups} group{'' if cost.groups == 1 else 's'}"
    return (
        f"Seconds{' to a verdict' if decided else ', with pairs still inconclusive'}: "
        f"{digits(cost.seconds, '', cost.seconds)} in {groups}. Of the processes together: {parts}."
    )


def _supported(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    """Arms that could run. A refused arm has a line among the failures and no column, unless all are refused."""
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
    """Calls of graphs in a step, if there are more than the one of a whole step."""
    calls = found.calls_per_step
    return "" if calls is None or round(calls, 1) == 1.0 else f", {calls:.3g} calls of graphs a step"


def _metric_rows(section: Section, table: str) -> list[list[str]]:
    """A row for each metric of this table that any arm has."""
    rows = []
    for name, metric in METRICS.items():
        cells = [arm.metrics.get(name) for arm in section.arms] if metric.table == table else []
        if any(cell is not None for cell in cells):
            title = metric.title + of_first(section, name)
            rows.append([title, *(format_figure(cell, metric.unit) for cell in cells)])
    return rows


def of_first(section: Section, name: str) -> str:
    """` (5 processes)` if only some processes of an adaptive session measured this."""
    found = [(arm.metrics[name].n, arm.ok) for arm in section.arms if name in arm.metrics]
    of_some = METRICS[name].stage is not None or METRICS[name].fresh_only
    fewer = of_some and any(number < ok for number, ok in found)
    most = max((number for number, _ in found), default=0)
    return f" ({most} {'process' if most == 1 else 'processes'})" if fewer else ""


def _ratio_rows(section: Section) -> Iterator[list[str]]:
    """Step time against the first arm that ran, with the verdict."""
    of = {found.candidate: found for found in section.comparisons}
    if not of:
        return
    cell: list[tuple[str, Callable[[Comparison], str]]] = [
        ("Step time, ratio", _marked_ratio),
        ("Verdict", lambda found: found.verdict),
        ("Minimum detectable change", lambda found: _percent(found.smallest_change)),
    ]
    first, *others = dict.fromkeys(found.baseline for found in of.values())
    for name, text in cell:
        mine = "1 (baseline)" if name == "Step time, ratio" else NOTHING
        cells = [mine if arm.label == first else NOTHING for arm in section.arms]
        yield [name, *(text(of[a.label]) if a.label in of else c for a, c in zip(section.arms, cells, strict=True))]
    if others:
        yield ["Compared with", *(of[arm.label].baseline if arm.label in of else NOTHING for arm in section.arms)]


def _marked_ratio(found: Comparison) -> str:
    ratio = format_interval(found.ratio, "")
    return f"{ratio}, {UNLIKE[found.unlike]}" if found.unlike else ratio


def _payback_row(section: Section) -> Iterator[list[str]]:
    """Steps after which compiling has paid for itself."""
    if of := in_section(section):
        yield ["Compiling pays, against eager, after", *(of.get(arm.label, NOTHING) for arm in section.arms)]


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.1%}"
