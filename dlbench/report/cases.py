"""Cases: the comparisons of a report that its answer may speak of, each with its place and the short names of its arms.

A pair that is not the same model, does not compute the same thing or was not built alike is no case: its ratio compares
different computations. A pair of one process each is none either: it decides nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis.compare import Comparison
from dlbench.analysis.labels import Labels
from dlbench.analysis.likeness import Unlike as NotShared
from dlbench.report.configuration import MUST_AGREE, Fairness, apart, subject_of
from dlbench.report.section import Section
from dlbench.spec import Workload

DECIDED = ("slower", "faster")
WORDS = {"faster": "faster", "slower": "slower", "same": "same", "inconclusive": "inconclusive"}
"""Words for verdicts, in the order of a sentence."""
UNLIKE: dict[NotShared, str] = {"model": "NOT THE SAME MODEL", "computation": "NOT THE SAME COMPUTATION"}
"""Marks of a ratio whose sides are not alike."""
BUILT_UNLIKE = "NOT BUILT ALIKE"
"""The mark of a ratio whose sides differ in something that all arms must share, such as the number of parameters."""


class Case(NamedTuple):
    """A comparison: the full title of its workload, a short one, and names of its arms for all workloads."""

    section: Section
    title: str
    place: str
    baseline: str
    candidate: str
    found: Comparison


class Names:
    """Names within one report: workloads in short, and arms alike over workloads (`tf jit` for `tf.lstm jit`)."""

    def __init__(self, sections: Iterable[Section]) -> None:
        loads = [section.workload for section in sections]
        self._labels = Labels(loads)
        self._phases = {load.phase for load in loads}
        self._several = len({load.architecture for load in loads}) > 1

    def title(self, load: Workload) -> str:
        """The title under which a workload has its figures."""
        return self._labels.title(load)

    def place(self, load: Workload) -> str:
        """The title without the phase, if all workloads have the same."""
        title = self.title(load)
        return title.removeprefix(f"{load.phase}, ") if len(self._phases) == 1 else title

    def arm(self, load: Workload, label: str) -> str:
        """An arm without its architecture if the workloads have several."""
        return label.replace(f".{load.architecture}", "", 1) if self._several else label


class Unlike:
    """Pairs whose ratio compares different computations: by the checks before, or because they were built unlike."""

    def __init__(self, built: Iterable[Fairness]) -> None:
        differing = ((table, [row for row in table.rows if row.differs and row.name in MUST_AGREE]) for table in built)
        self._built = {
            (table.subject, arm): {row.name: row.got[at] for row in rows}
            for table, rows in differing
            for at, arm in enumerate(table.arms)
        }

    def mark(self, load: Workload, one: Comparison) -> str:
        """The mark of a pair whose sides are not alike; empty if no check says so."""
        if one.unlike:
            return UNLIKE[one.unlike]
        before, after = (self._built.get((subject_of(load), label), {}) for label in (one.baseline, one.candidate))
        return BUILT_UNLIKE if any(apart(name, said, after.get(name, "")) for name, said in before.items()) else ""


def cases(sections: Sequence[Section], unlike: Unlike) -> Iterator[Case]:
    """All that may be spoken of, in the order of the report."""
    yield from _cases(sections, unlike, lambda section: section.comparisons)


def compiled(sections: Sequence[Section], unlike: Unlike) -> Iterator[Case]:
    """Compiled against eager, where eager is not the baseline, of all that may be spoken of."""
    yield from _cases(sections, unlike, lambda section: section.compiled)


def _cases(
    sections: Sequence[Section], unlike: Unlike, of: Callable[[Section], Iterable[Comparison]]
) -> Iterator[Case]:
    names = Names(sections)
    for section in sections:
        load = section.workload
        for one in of(section):
            if one.verdict != "indicative" and not unlike.mark(load, one):
                arms = [names.arm(load, label) for label in (one.baseline, one.candidate)]
                yield Case(section, names.title(load), names.place(load), arms[0], arms[1], one)


def counted(verdicts: Iterable[str]) -> str:
    """`3 slower, 1 undecided`; verdicts without a word are left out."""
    found = Counter(verdicts)
    return ", ".join(f"{found[verdict]} {word}" for verdict, word in WORDS.items() if found[verdict])


def beyond(one: Comparison) -> float:
    """Size beyond its uncertainty: the distance of the near end of the interval from 1, as a logarithm; 0 if undecided.

    Verdicts are about 1; so is the distance, in either direction.
    """
    if one.verdict not in DECIDED or one.ratio is None or one.ratio.low is None or one.ratio.high is None:
        return 0.0
    ends = [math.log(end) if end > 0 else -math.inf for end in (one.ratio.low, one.ratio.high)]
    return max(0.0, ends[0], -ends[1])
