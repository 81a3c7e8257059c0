"""The host's share of a step, known in another way: by the intercept of a step's time over the batch size.

Arithmetic on a batch grows with it, and what the host does for a step does not. Nor does the optimizer: it updates as
many parameters whatever the batch, so its work is in the intercept, and stands beside the host's here. Nor do the
beginning and end of each operation and its passes over weights. Those lie within the spans of operations, where no
profiler tells them from arithmetic; what all work but the optimizer's takes at the smallest batch shows how much it is.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from dlbench.plugin import HOST
from dlbench.record.explanation import Profile


class Line(NamedTuple):
    """A line by least squares of relative errors: a value at 0, and the growth for each of x."""

    intercept: float
    slope: float


class Shares(NamedTuple):
    """Shares of a step that do not grow with the batch: by the line, and by the profile, host and optimizer.

    `fixed` is the time that all other work takes at the smallest batch, as a share of this step.
    """

    by_line: float
    host: float
    optimizer: float
    fixed: float

    @property
    def apart(self) -> float:
        """The difference of line and profile, in points."""
        return abs(self.by_line - self.host - self.optimizer) * 100

    @property
    def unexplained(self) -> float:
        """The same with what the other work takes at the smallest batch, in points."""
        return abs(self.by_line - self.host - self.optimizer - self.fixed) * 100


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
    least = min(profiles, key=lambda one: one.spec.batch_size)
    fixed = least.plain * (1 - _share(least, HOST) - _share(least, {"optimizer"}))
    return [
        Shares(min(1.0, found.intercept / one.plain), _share(one, HOST), _share(one, {"optimizer"}), fixed / one.plain)
        for one in profiles
    ]


def _share(one: Profile, kinds: Collection[str]) -> float:
    return sum(op.seconds for op in one.ops if op.category in kinds) / one.seconds
