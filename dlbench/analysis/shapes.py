"""Shapes of series: flat, a warm-up, a slowdown, no steady state; floats in, a word out.

The method is Barrett et al.'s ("Virtual machine warmup blows hot and cold", OOPSLA 2017): change points part a series
into segments, whose levels decide its shape. Change points come from PELT (Killick, Fearnhead and Eckley, "Optimal
detection of changepoints with a linear computational cost", JASA 2012).

On a shared machine speed also changes by itself. So a change in one process is attributed to the program only if it
recurs: the change must show in the median over processes, and beyond tolerance by t over one number a process. Programs
that take turns meet the same machine: there a series is the ratio of one to the others.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import Literal

from dlbench.stats.estimates import median, one_sample

Shape = Literal["flat", "warm-up", "slowdown", "no steady state"]
UNSTABLE: tuple[Shape, ...] = ("slowdown", "no steady state")

SHORTEST = 5
"""Samples in a segment at least: a window of the online rule."""
TOLERANCE = 0.05
"""Levels closer than this share are one: a quarter of the change of a shared machine's speed within seconds."""
STEADY_SHARE = 0.25
"""The last segment must be this much of the series to be a steady state (Barrett et al.: 500 of 2000 iterations)."""
PENALTY = 3.0
"""Times the logarithm of the length, for each change (modified BIC; Zhang and Siegmund, Biometrics 2007)."""
RECURS = 0.01
"""Error rate of the test over processes: stricter than a verdict's, because it takes away all figures of an arm."""


def shape(processes: Sequence[Sequence[float]]) -> Shape:
    """Shape of these series: logarithms of seconds a step, one series a process, aligned at their ends.

    A slowdown or a late change that does not recur over the processes is the machine's, and does not count.
    """
    shortest = min(len(values) for values in processes)
    return _shape([values[-shortest:] for values in processes])


def _shape(aligned: Sequence[Sequence[float]]) -> Shape:
    """The same of series that begin at the same place; a place counts which two of them reach."""
    middle = _middle(aligned)
    segments = _segments(middle)
    found = _kind(middle, segments)
    if found not in UNSTABLE or len(aligned) == 1:
        return found
    rises = [rise for own in aligned if (rise := _rise(own, [one for one in aligned if one is not own])) is not None]
    if not rises:
        return "flat"
    if found == "no steady state":
        rises = [abs(rise) for rise in rises] if len({rise > 0 for rise in rises}) == 1 else rises
    shift = one_sample(rises)
    return found if shift is not None and shift.p_beyond(math.log1p(TOLERANCE)) <= RECURS else "flat"


def shape_beside(processes: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> Shape:
    """The same of a program that takes turns with others, by its ratio to them: two series a process, place by place.

    Series begin with the first round. Some may have more rounds than others, and a change is looked for in all of them.
    A ratio changes with either side, so the change is attributed to the program if it changed more than the others.
    """
    ratios = [
        [mine - theirs for mine, theirs in zip(*both, strict=True)] for both in zip(processes, others, strict=True)
    ]
    found = _shape(ratios)
    if found not in UNSTABLE:
        return found
    middle = _middle(ratios)
    segments = _segments(middle)
    mine, theirs = (
        statistics.median(_change(values, middle, segments) for values in side if _reaches(values, segments))
        for side in (processes, others)
    )
    return found if abs(mine) >= abs(theirs) else "flat"


def change_points(values: Sequence[float]) -> list[int]:
    """Change points of the mean: the places at which a new segment begins, by PELT with a normal cost.

    The variance is taken from the differences of neighbours (their median absolute deviation), which no change of the
    mean disturbs.
    """
    n, noise = len(values), _noise(values)
    penalty = PENALTY * math.log(max(n, 2)) * max(noise, 1e-12) ** 2
    sums, squares = _running(values), _running([value * value for value in values])

    best, came_from, begins = [-penalty, *[math.inf] * n], [0] * (n + 1), {0: n}
    for end in range(SHORTEST, n + 1):
        begins = {begin: last for begin, last in begins.items() if end <= last}
        costs = [
            best[begin] + (squares[end] - squares[begin] - (sums[end] - sums[begin]) ** 2 / (end - begin))
            for begin in begins
        ]
        best[end], came_from[end] = min([(cost + penalty, begin) for cost, begin in zip(costs, begins, strict=True)])
        for cost, (begin, last) in zip(costs, begins.items(), strict=True):
            if cost > best[end]:  # a segment from here on replaces it, once that is long enough
                begins[begin] = min(last, end + SHORTEST - 1)
        begins[end - SHORTEST + 1] = n
    found, end = [], n
    while end > 0 and came_from[end] > 0:
        end = came_from[end]
        found.append(end)
    return found[::-1]


def _rise(own: Sequence[float], others: Sequence[Sequence[float]]) -> float | None:
    """Rise from the fastest level to the last in this process, at the places that the others show; 0 if they show none.

    None of one that ended before the last level began. Segments that its own noise had a part in choosing would differ
    in it by having been chosen.
    """
    middle = _middle(others)
    segments = _segments(middle)
    if len(segments) == 1:
        return 0.0
    return _change(own, middle, segments) if _reaches(own, segments) else None


def _reaches(values: Sequence[float], segments: Sequence[tuple[int, int]]) -> bool:
    """True if a series has a window of samples in the last of these segments."""
    begin, end = segments[-1]
    return len(values) >= min(begin + SHORTEST, end)


def _change(own: Sequence[float], middle: Sequence[float], segments: Sequence[tuple[int, int]]) -> float:
    """Change of this series from the segment in which the middle is fastest to the last."""
    return _level(own, segments[-1]) - _level(own, _fastest_before_last(middle, segments))


def _middle(processes: Sequence[Sequence[float]]) -> list[float]:
    """The median over processes at each place, each about its own median of the places that all reach.

    A place that only one of several reaches is left out: nothing recurs there.
    """
    shortest = min(map(len, processes))
    places = itertools.zip_longest(*(_centred(values, shortest) for values in processes))
    found = ([value for value in at if value is not None] for at in places)
    return [median(values) for values in found if len(values) > 1 or len(processes) == 1]


def _segments(values: Sequence[float]) -> list[tuple[int, int]]:
    """Segments as (begin, end); neighbours whose medians are within tolerance are joined."""
    if max(values) - min(values) <= math.log1p(TOLERANCE):  # no two medians are further apart
        return [(0, len(values))]
    ends = [*change_points(values), len(values)]
    found = [(0, ends[0])]
    for end in ends[1:]:
        begin, middle = found[-1]
        if abs(_level(values, (begin, middle)) - _level(values, (middle, end))) <= math.log1p(TOLERANCE):
            found[-1] = (begin, end)
        else:
            found.append((middle, end))
    return found


def _kind(values: Sequence[float], segments: Sequence[tuple[int, int]]) -> Shape:
    if len(segments) == 1:
        return "flat"
    begin, end = segments[-1]
    if end - begin < STEADY_SHARE * len(values):
        return "no steady state"
    rise = _change(values, values, segments)
    return "slowdown" if rise > math.log1p(TOLERANCE) else "warm-up"


def _fastest_before_last(values: Sequence[float], segments: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return min(segments[:-1], key=lambda segment: _level(values, segment))


def _level(values: Sequence[float], segment: tuple[int, int]) -> float:
    return statistics.median(values[slice(*segment)])


def _centred(values: Sequence[float], first: int) -> list[float]:
    middle = statistics.median(values[:first])
    return [value - middle for value in values]


def _noise(values: Sequence[float]) -> float:
    """Standard deviation of independent normal noise around a mean that seldom changes."""
    steps = [after - before for before, after in itertools.pairwise(values)]
    if not steps:
        return 0.0
    middle = statistics.median(steps)
    return 1.4826 * statistics.median(abs(step - middle) for step in steps) / math.sqrt(2)


def _running(values: Sequence[float]) -> list[float]:
    found = [0.0]
    for value in values:
        found.append(found[-1] + value)
    return found
