"""A strip: every place of a range, in parts of neighbours that are measured at once, each beside the old end.

All parts are measured to their first look before any is measured further, and so on look by look, so that a budget is
spread over the range.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from dlbench.stats.bisection.decisions import ALARM, DELTA, Contrasts, Groups, Known, Verdict
from dlbench.stats.bisection.search import WHY, Exhausted, Measure, Row, Trial, Unmeasurable
from dlbench.stats.interim import INTERIM_GROUPS

TOGETHER = 6
"""Places that are measured at once, the old end among them."""


class Point(NamedTuple):
    """A place of the strip: its ratio to the old end and to the place before it that could be measured.

    `verdict` is `differ` if it surely differs from the place before it by more than 1 %.
    """

    place: int
    to_old: Known | None = None
    to_before: Known | None = None
    verdict: Verdict = "undecided"
    reason: str = ""


def strip(
    places: int, measure: Measure, tell: Callable[[Row], object] = lambda _: None, *, all_count: bool = False
) -> tuple[Point, ...]:
    """Measure all places; a difference of neighbours is named where there is none in at most ALARM of all strips.

    A place that cannot be measured is left out, and its part measured again; a part that loses a place after its first
    look ends there. Places that are not decided then, or when the budget is used, are undecided, with the reason.
    `all_count` as in a search.
    """
    made = _Strip(places, measure, tell, all_count)
    ended = ""
    try:
        made.lay_out()
        made.go_on()
    except Exhausted as error:
        ended = str(error)
    for part in made.parts:
        if part.neighbours[-1] not in made.points:
            made.put(part, part.lost or ended or WHY["undecided"])
    made.points |= {place: Point(place, reason=ended) for place in range(places) if place not in made.points}
    return tuple(made.points[place] for place in sorted(made.points))


@dataclass
class _Part:
    """Neighbours that are measured at once; the first of them was measured with the part before too.

    `lost` is the reason that a place cannot be measured any more.
    """

    trial: Trial
    neighbours: Sequence[int]
    groups: Groups = ()
    lost: str = ""

    @property
    def open(self) -> bool:
        """True while another look is to be taken; also after the last one that decides nothing."""
        if self.lost:
            return False
        return len(self.groups) < INTERIM_GROUPS[0] or self.trial.rule(self.trial.contrasts(self.groups)) is None


@dataclass
class _Strip:
    """The state of a strip: its parts, and the places that are known."""

    places: int
    measure: Measure
    tell: Callable[[Row], object]
    all_count: bool
    parts: list[_Part] = field(default_factory=list)
    points: dict[int, Point] = field(default_factory=lambda: {0: Point(0, Known(1.0, 1.0, 1.0, 0), verdict="same")})

    def lay_out(self) -> None:
        """Measure each part to its first look. Raises Exhausted, and Unmeasurable for an end that others share."""
        before = 0
        for number in itertools.count():
            left = [place for place in range(before + 1, self.places) if place not in self.points]
            if not left:
                return
            chunk = tuple(dict.fromkeys((0, before, *left[: TOGETHER - len({0, before})])))
            neighbours, share = chunk[chunk.index(before) :], ALARM / (self.places - 1)
            trial = Trial(number, "strip", chunk, chunk[-1], _settled(neighbours), share, self.all_count)
            part = _Part(trial, neighbours)
            self.parts.append(part)
            try:
                self.look(part, INTERIM_GROUPS[0])
            except Unmeasurable as error:
                if error.place in (0, before):
                    raise
                self.parts.pop()
                self.points[error.place] = Point(error.place, verdict="not measured", reason=error.reason)
                self.tell(Row("strip", error.place, chunk, "not measured", reason=error.reason))
                continue
            before = chunk[-1]

    def go_on(self) -> None:
        """Take the further looks, all open parts at one before the next. Raises Exhausted."""
        for most in INTERIM_GROUPS[1:]:
            for part in (one for one in self.parts if one.open):
                try:
                    self.look(part, most)
                except Unmeasurable as error:
                    part.lost = error.reason

    def look(self, part: _Part, most: int) -> None:
        """Measure a part to a look, and put it down if that settles it. Raises Exhausted and Unmeasurable."""
        try:
            part.groups = self.measure(replace(part.trial, most=most))
        except Exhausted as error:
            part.groups = error.groups or part.groups
            raise
        if not part.open:
            self.put(part)

    def put(self, part: _Part, why: str = "") -> None:
        """Put the places of a part down; `why` some of them may be undecided."""
        found = part.trial.contrasts(part.groups)
        for one, place in itertools.pairwise(part.neighbours):
            verdict = _verdict(found, place, one)
            reason = why if verdict == "undecided" else ""
            self.points[place] = point = Point(place, found.known(place, 0), found.known(place, one), verdict, reason)
            self.tell(Row("strip", place, part.trial.members, verdict, point.to_old, point.to_before, reason))


def _verdict(found: Contrasts, place: int, before: int) -> Verdict:
    gap = found.of(place, before)
    if gap is None:
        return "undecided"
    return "differ" if gap.clear_of(DELTA) else "same" if gap.within(2 * DELTA) else "undecided"


def _settled(neighbours: Sequence[int]) -> Callable[[Contrasts], Verdict | None]:
    """Rule of a part: each of its neighbours is known to differ by more than 1 %, or to be the same within 2 %."""

    def rule(found: Contrasts) -> Verdict | None:
        verdicts = [_verdict(found, place, before) for before, place in itertools.pairwise(neighbours)]
        return None if "undecided" in verdicts else "same"

    return rule
