"""Comparisons of a section taken together: the arms that are ahead of all others, and the pairs left open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dlbench.analysis import control, leaders, pairs
from dlbench.analysis.compare import Undecided
from dlbench.record.schema import Run
from dlbench.report.cases import Unlike
from dlbench.report.configuration import Fairness
from dlbench.report.section import Section
from dlbench.report.sections import Compared, sections_of


def sections(
    all_runs: Sequence[Run], compared: Compared, compiled: Compared, built: Iterable[Fairness]
) -> tuple[Section, ...]:
    """The sections of these Runs, A/A controls among them, whose arms were built like this, with their leaders."""
    return tuple(_with_leaders(list(sections_of(all_runs, compared, compiled)), all_runs, Unlike(built)))


def undecided(sections: Iterable[Section]) -> Iterator[Undecided]:
    """The inconclusive pairs."""
    for section in sections:
        for one in section.comparisons:
            if one.verdict == "inconclusive":
                arms = {"baseline": one.baseline, "candidate": one.candidate}
                yield Undecided(workload=section.workload, **arms, code=one.code)


def _with_leaders(sections: Sequence[Section], all_runs: Sequence[Run], unlike: Unlike) -> Iterator[Section]:
    of_load = pairs.by_workload(control.without_controls(all_runs))
    family = sum(len(section.comparisons) for section in sections)
    for section in sections:
        alike = [one for one in section.comparisons if not unlike.mark(section.workload, one)]
        beside = leaders.beside(pairs.arms(of_load[section.workload]), alike, family) if alike else None
        yield section if beside is None else _led(section, beside)


def _led(section: Section, beside: leaders.Beside) -> Section:
    """The section with its leader, unless an arm may be ahead of it or all take as long, and its frameworks."""
    found, across = leaders.leading(beside), tuple(leaders.across(beside))
    told = not found.rivals and len(found.same) + 1 < len(beside.labels)
    first = (found.first, *found.same) if told else ()
    return msgspec.structs.replace(section, leaders=first, leading=found, across=across)
