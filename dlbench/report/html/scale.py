"""Scales of axes: from values to pixels, and the round values that an axis names."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from dlbench.report.chart import Axis
from dlbench.report.units import scale_of

MOST_TICKS = 6
WIDE = 4.0
"""Ratio of the greatest to the least value from which a logarithmic axis is worth its curvature."""
LARGEST = 1e100
"""Values beyond it are not drawn: their differences leave the range of floats."""


def drawable(value: float | None) -> bool:
    """True for a number that has a place on paper."""
    return value is not None and math.isfinite(value) and abs(value) < LARGEST


class Scale(NamedTuple):
    """Values from `low` to `high` on pixels from `start` to `end`."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Pixels of a value; values beyond the ends stand at the ends."""
        low, high, value = self.low, self.high, min(max(value, self.low), self.high)
        if self.logarithmic:
            low, high, value = math.log(low), math.log(high), math.log(value)
        return self.start + (self.end - self.start) * ((value - low) / (high - low) if high > low else 0.5)

    def ticks(self, unit: str) -> list[float]:
        """Values within the scale that are round in the unit in which they are shown, upwards."""
        of = scale_of(max(abs(self.low), abs(self.high)), unit).divisor
        low, high = self.low / of, self.high / of
        found = _decades(low, high) if self.logarithmic and high / low > WIDE else []
        return [tick * of for tick in (found if len(found) > 1 else _steps(low, high))]


def scale(axis: Axis, values: Iterable[float], start: float, end: float) -> Scale:
    """A scale for these values, with some room at its ends; an axis of names has its own."""
    if axis.names:
        return Scale(-0.5, len(axis.names) - 0.5, start, end)
    known = [value for value in values if drawable(value)]
    low, high = (min(known), max(known)) if known else (0.0, 1.0)
    if axis.logarithmic and low > 1e-100 and high / low > WIDE:
        return Scale(low / (high / low) ** 0.04, high * (high / low) ** 0.04, start, end, logarithmic=True)
    room = 0.05 * (high - low) or abs(high) * 0.1 or 1.0
    return Scale(max(low - room, 0.0) if low >= 0.0 else low - room, high + room, start, end)


def labels(axis: Axis, ticks: Sequence[float]) -> tuple[list[str], str]:
    """Words of the ticks and the title of the axis, in the unit of the greatest."""
    if axis.unit == "" or not ticks:
        return [_short(tick) for tick in ticks], axis.title
    used = scale_of(max(map(abs, ticks)), axis.unit)
    title = f"{axis.title} ({used.unit})" if axis.title else used.unit
    return [_short(tick / used.divisor) for tick in ticks], title


def _short(value: float) -> str:
    if abs(value) >= 1e4:
        for divisor, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
            if divisor <= abs(value) < 1e12:
                return f"{value / divisor:.3g}{letter}"
    return (f"{value:.0f}" if 1e3 <= abs(value) < 1e4 else f"{value:.3g}").replace("-", "−")


def _steps(low: float, high: float) -> Iterator[float]:
    """Multiples of 1, 2 or 5 times a power of ten."""
    if not high > low:
        return
    rough = (high - low) / MOST_TICKS
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(of * power for of in (1, 2, 5, 10) if of * power >= rough)
    for number in range(math.ceil(low / step), math.floor(high / step) + 1):
        yield number * step


def _decades(low: float, high: float) -> list[float]:
    """Powers of ten; with 2 and 5 between them if there are few."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [of * 10.0**power for power in powers for of in factors if low <= of * 10.0**power <= high]
        if len(found) <= MOST_TICKS + 1:
            return found
    return found[:: -(-len(found) // MOST_TICKS)]
