"""The largest batch that fits, by a line of peak memory over batch sizes; nothing is run that the line puts too high.

Memory of a program is a base and an amount for each sample, once a batch is larger than its buffers; small batches are
no part of the line, and neither is a batch for which another algorithm is chosen. So the line is fitted (Theil and Sen)
to three small batches, the last of which takes a part of the limit, and then checked and drawn again at half of the
batch that it promises, and at that batch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from dlbench.stats.estimates import median, theil_sen

GROWTH, LEAST = 4, 3
"""Factor between small batches, and the number of them at least."""
SAFE = 0.9
"""Share of the limit that the next small batch may take if all memory were in proportion to the batch; it is less."""
SMALL = 1 / 16
"""Share of the room above the base that the last of the small batches takes; less is lost in a process's own spread."""
MOST_SMALL = 20
"""Small runs at most: memory that does not grow by then has no line."""
MOST_BATCH = 2**31 - 1
CLOSE = 0.02
"""Share of the limit up to which the last check may miss it, and the answer still stands."""

Peak = Callable[[int], float]
"""Peak bytes at a batch size, measured."""


class NoLine(Exception):
    """No largest batch can be told, and the reason in a line."""


class Line(NamedTuple):
    """Bytes at no batch, and for each sample."""

    base: float
    each: float

    def batch(self, limit: float) -> int:
        """The largest batch within a limit."""
        return math.floor((limit - self.base) / self.each)

    def bytes(self, batch: int) -> float:
        """Peak memory at a batch."""
        return self.base + self.each * batch


class Fitted(NamedTuple):
    """The largest batch, the line that says so, and all that was measured."""

    batch_size: int
    line: Line
    measured: tuple[tuple[int, float], ...]


def fit(points: list[tuple[int, float]]) -> Line:
    """The line of Theil and Sen through points of rising batch size. Raises NoLine if memory does not rise."""
    sizes, peaks = ([float(one) for one in side] for side in zip(*points, strict=True))
    each = theil_sen(sizes, peaks)[0]
    if each <= 0:
        raise NoLine("the peak memory does not grow with the batch")
    return Line(median([peak - each * size for size, peak in zip(sizes, peaks, strict=True)]), each)


def largest(first: int, limit: float, peak: Peak) -> Fitted:
    """The largest batch within the limit, from `first` upwards. Raises NoLine, and whatever `peak` raises."""
    points = _small(first, limit, peak)
    line = fit(points[-3:])
    half = max(line.batch(limit) // 2, points[-1][0] + 1)
    points = _checked(points, half, limit, line, peak)
    line = _through(points[-2], points[-1], line)
    points = _checked(points, min(line.batch(limit), MOST_BATCH), limit, line, peak)
    line = _through(points[-2], points[-1], line)
    if abs(points[-1][1] - limit) > CLOSE * limit and line.batch(limit) > points[-1][0]:
        return Fitted(points[-1][0], line, tuple(points))
    return Fitted(min(line.batch(limit), MOST_BATCH), line, tuple(points))


def _small(first: int, limit: float, peak: Peak) -> list[tuple[int, float]]:
    """Three small batches or more, until the last takes a part of the room; fewer if more might not fit."""
    points = [(first, peak(first))]
    if points[0][1] > limit:
        raise NoLine(f"a batch of {first} takes more than the limit already")
    while len(points) < MOST_SMALL:
        (size, now), base = points[-1], points[0][1]
        if len(points) >= LEAST and now - base >= SMALL * (limit - base):
            return points
        following = min(size * GROWTH, math.floor(size * SAFE * limit / now), MOST_BATCH)
        if following <= size:
            break
        points.append((following, peak(following)))
    if len(points) < 2 or points[-1][0] == MOST_BATCH:
        raise NoLine(f"a batch of {points[-1][0]} has no larger one to compare with within the limit")
    return points


def _checked(
    points: list[tuple[int, float]], size: int, limit: float, line: Line, peak: Peak
) -> list[tuple[int, float]]:
    """The points with one more, if the line puts it within the limit and it is another."""
    if size <= points[-1][0] or line.bytes(size) > limit:
        return points
    return [*points, (size, peak(size))]


def _through(one: tuple[int, float], other: tuple[int, float], line: Line) -> Line:
    """The line through two points; the earlier one if it would not rise."""
    each = (other[1] - one[1]) / (other[0] - one[0])
    return Line(one[1] - each * one[0], each) if each > 0 else line
