"""A strip: every place of a range, in parts of neighbours that are measured at once, each beside the old end."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

from dlbench.stats.bisection.decisions import ALARM, DELTA, Contrasts, Known, Verdict
from dlbench.stats.bisection.search import WHY, Exhausted, Measure, Row, Trial, Unmeasurable

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

    A place that cannot be measured is left out, and its part measured again. Those that are not measured when the
    budget is used are undecided, with the reason. `all_count` as in a search.
    """
    lacking: dict[int, str] = {}
    points: dict[int, Point] = {0: Point(0, Known(1.0, 1.0, 1.0, 0), verdict="same")}
    before, number, ended = 0, 0, ""
    while True:
        left = [place for place in range(before + 1, places) if place not in lacking]
        if not left:
            break
        room = TOGETHER - len({0, before})
        chunk = tuple(dict.fromkeys((0, before, *left[:room])))
        trial = Trial(number, "strip", chunk, chunk[-1], _settled(chunk), ALARM / (places - 1), all_count)
        number += 1
        try:
            groups = measure(trial)
        except Unmeasurable as error:
            if error.place in (0, before):
                raise
            lacking[error.place] = error.reason
            tell(Row("strip", error.place, chunk, "not measured", reason=error.reason))
            continue
        except Exhausted as error:
            groups, ended = error.groups, str(error)
        found = trial.contrasts(groups)
        for one, place in zip(chunk[chunk.index(before) :], chunk[chunk.index(before) + 1 :], strict=False):
            verdict = _verdict(found, place, one)
            why = ended or WHY["undecided"] if verdict == "undecided" else ""
            points[place] = Point(place, found.known(place, 0), found.known(place, one), verdict, why)
            tell(Row("strip", place, chunk, verdict, points[place].to_old, points[place].to_before, why))
        before = chunk[-1]
        if ended:
            break
    points |= {place: Point(place, verdict="not measured", reason=reason) for place, reason in lacking.items()}
    points |= {place: Point(place, reason=ended) for place in range(places) if place not in points}
    return tuple(points[place] for place in sorted(points))


def _verdict(found: Contrasts, place: int, before: int) -> Verdict:
    gap = found.of(place, before)
    if gap is None:
        return "undecided"
    return "differ" if gap.clear_of(DELTA) else "same" if gap.within(2 * DELTA) else "undecided"


def _settled(chunk: Sequence[int]) -> Callable[[Contrasts], Verdict | None]:
    """Rule of a part: each of its neighbours is known to differ by more than 1 %, or to be the same within 2 %."""

    def rule(found: Contrasts) -> Verdict | None:
        verdicts = [_verdict(found, place, before) for before, place in itertools.pairwise(chunk)]
        return None if "undecided" in verdicts else "same"

    return rule
