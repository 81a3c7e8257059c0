"""Real searches beside drawn ones with their noise: the groups that they take, and the interval of the step."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from studies.bisection import real, simulated
from studies.bisection.noise import Noise


class Taken(NamedTuple):
    """The groups of a search, and half the width of its step's interval as a share; None where it named none."""

    groups: int
    half: float | None


def table(lines: Sequence[Mapping[str, Any]], measured: Noise, searches: int) -> str:
    """A row of real and one of drawn searches, with a planted step and without one."""
    head = ["| Searches | | number | groups, median | least to most | half-width of the step, median |"]
    head.append("|---|---|---:|---:|---:|---:|")
    for planted, kind in ((True, simulated.REAL), (False, simulated.REAL_UNCHANGED)):
        found = [one for one in lines if one.get("noise") and bool(one["planted"]) == planted]
        whole, cut = ([_of(one) for one in found if real.ended(one) == is_cut] for is_cut in (False, True))
        drawn = [simulated.drawn(kind, seed, measured) for seed in range(searches)]
        head += _row(kind.name, "real", whole) + _row(kind.name, "real, ended", cut)
        head += _row(kind.name, "drawn", [Taken(one.groups, one.half) for one in drawn])
    return "\n".join(head)


def _of(one: Mapping[str, Any]) -> Taken:
    halves = [math.log(known["high"] / known["low"]) / 2 for known in one["ratios"] if known]
    return Taken(one["groups"], halves[0] if halves else None)


def _row(name: str, what: str, found: Sequence[Taken]) -> list[str]:
    """One row; none for no searches."""
    if not found:
        return []
    groups, halves = [one.groups for one in found], [one.half for one in found if one.half is not None]
    half = f"{statistics.median(halves):.2%}" if halves else "–"
    cells = name, what, len(found), f"{statistics.median(groups):g}", f"{min(groups)} to {max(groups)}", half
    return [f"| {' | '.join(map(str, cells))} |"]
