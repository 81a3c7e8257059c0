"""The host's share of a step, known in another way: by the intercept of a step's time over the batch size.

Arithmetic on a batch grows with it, and what the host does for a step does not. Nor does the optimizer: it updates as
many parameters whatever the batch, so its work is in the intercept, and stands beside the host's here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dlbench.plugin import HOST
from dlbench.record.explanation import Profile


class Line(NamedTuple):
    """A line by least squares of relative errors: a value at 0, and the growth for each of x."""

    intercept: float
    slope: float


class Shares(NamedTuple):
    """Shares of a step that do not grow with the batch: by the line, and by the profile, host and optimizer."""

    by_line: float
    host: float
    optimizer: float

    @property
    def apart(self) -> float:
        """The difference, in points."""
        return abs(self.by_line - self.host - self.optimizer) * 100


def line(places: Sequence[float], values: Sequence[float]) -> Line:
    """The line nearest to the points, each weighed by its value: a long step errs by more."""
    weights = [1 / value**2 for value in values]
    total = sum(weights)
    x, y = (sum(w * one for w, one in zip(weights, of, strict=True)) / total for of in (places, values))
    rows = list(zip(weights, places, values, strict=True))
    slope = sum(w * (a - x) * (b - y) for w, a, b in rows) / sum(w * (a - x) ** 2 for w, a, _ in rows)
    return Line(y - slope * x, slope)


def shares(profiles: Sequence[Profile]) -> list[Shares]:
    """The shares at each batch size; the times of the line are those of steps without a profiler."""
    found = line([one.spec.batch_size for one in profiles], [one.plain for one in profiles])
    return [_shares(one, found.intercept) for one in profiles]


def _shares(one: Profile, intercept: float) -> Shares:
    host = sum(op.seconds for op in one.ops if op.category in HOST) / one.seconds
    optimizer = sum(op.seconds for op in one.ops if op.category == "optimizer") / one.seconds
    return Shares(min(1.0, intercept / one.plain), host, optimizer)
