"""The matrix of a report: arms by workloads, each cell a ratio with its interval and the word of its verdict."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from dlbench.analysis.compare import Comparison
from dlbench.record.flags import STATUSES
from dlbench.report.cases import Names, Unlike
from dlbench.report.document import Cell, Matrix
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval, format_value

MOST_COLUMNS = 5
"""Arms beside each other; of more, and of more arms than workloads, each has a row."""
NOTHING = Cell("–")


def matrix(sections: Sequence[Section], unlike: Unlike) -> Matrix:
    """A cell for every arm that could run in any workload; rows are workloads, or arms if those are many."""
    names = Names(sections)
    named = [{names.arm(one.workload, arm.label): arm for arm in one.arms} for one in sections]
    arms = [arm for arm in dict.fromkeys(arm for of in named for arm in of) if _ever_ran(arm, named)]
    places = [Cell(names.place(one.workload), evidence=names.title(one.workload)) for one in sections]
    cells = [
        [row.get(arm, NOTHING) for arm in arms]
        for row in (_row(of, section, unlike) for of, section in zip(named, sections, strict=True))
    ]
    if len(arms) > max(MOST_COLUMNS, len(sections)):
        turned = [[Cell(arm), *(row[at] for row in cells)] for at, arm in enumerate(arms)]
        return Matrix([Cell(""), *places], turned)
    return Matrix([Cell(""), *map(Cell, arms)], [[place, *row] for place, row in zip(places, cells, strict=True)])


def _ever_ran(arm: str, named: Sequence[dict[str, Arm]]) -> bool:
    """True unless the arm was refused wherever it was asked for: then the failures name it."""
    found = [of[arm] for of in named if arm in of]
    refused = all(one.ok == 0 and not any(STATUSES[f.status].failed for f in one.failures) for one in found)
    return not refused or all(one.ok == 0 for of in named for one in of.values())


def _row(arms: Mapping[str, Arm], section: Section, unlike: Unlike) -> dict[str, Cell]:
    """The cells of a workload by arm."""
    of = {one.candidate: one for one in section.comparisons}
    baselines = list(dict.fromkeys(one.baseline for one in section.comparisons))
    return {
        name: _without_a_pair(arm, baselines)
        if (one := of.get(arm.label)) is None
        else Cell("–", mark)
        if (mark := unlike.mark(section.workload, one))
        else _cell(one, baselines[0])
        for name, arm in arms.items()
    }


def _cell(one: Comparison, baseline: str) -> Cell:
    against = f", against {one.baseline}," if one.baseline != baseline else ""
    return Cell(format_interval(one.ratio, "") + against, "not compared" if one.ratio is None else one.verdict)


def _without_a_pair(arm: Arm, baselines: Collection[str]) -> Cell:
    if arm.ok == 0:
        return Cell("–", arm.failures[0].status if arm.failures else "")
    return Cell("1", "baseline") if arm.label in baselines else Cell(_alone(arm))


def _alone(arm: Arm) -> str:
    """The figure of an arm that is not compared: seeds that reached the target, or its step time."""
    if found := arm.to_target.get("steps_to_target"):
        steps = "" if found.median is None else f", {format_value(found.median, 'steps')}"
        return f"{found.reached} of {found.of} seeds{steps}"
    return format_interval(arm.metrics.get("step_time"), "s")
