"""Numbers for people: SI units and an interval in the unit of its value; records hold seconds and bytes throughout."""

from __future__ import annotations

import math
from typing import NamedTuple

from dlbench.stats.estimates import Estimate


class Scale(NamedTuple):
    """Unit of values from `least` upwards: they are divided by `divisor`."""

    least: float
    divisor: float
    unit: str


_SCALES = {
    "s": (Scale(1.0, 1.0, "s"), Scale(1e-3, 1e-3, "ms"), Scale(0.0, 1e-6, "µs")),
    "bytes": (Scale(2**30, 2**30, "GiB"), Scale(2**20, 2**20, "MiB"), Scale(0.0, 2**10, "KiB")),
    "%": (Scale(0.0, 0.01, "%"),),
    "FLOP/s": (Scale(1e12, 1e12, "TFLOP/s"), Scale(1e9, 1e9, "GFLOP/s"), Scale(0.0, 1e6, "MFLOP/s")),
}


def format_value(value: float | None, unit: str) -> str:
    """The value with its unit, to three or four figures; a dash if there is none."""
    if value is None:
        return "–"
    scale = scale_of(value, unit)
    return f"{_digits(value / scale.divisor, unit)} {scale.unit}".rstrip()


def format_interval(found: Estimate | None, unit: str) -> str:
    """The estimate with its interval, such as `1.52 ms (1.49–1.56)`."""
    if found is None or found.low is None or found.high is None:
        return format_value(found.value if found is not None else None, unit)
    _, divisor, name = scale_of(found.value, unit)
    value, low, high = (_digits(one / divisor, unit) for one in (found.value, found.low, found.high))
    return f"{value} {name} ({low}–{high})" if name else f"{value} ({low}–{high})"


def format_figure(found: Estimate | None, unit: str) -> str:
    """The same; an estimate without an interval says so if several processes are pooled in it."""
    text = format_interval(found, unit)
    pooled = found is not None and found.n > 1 and found.low is None
    return f"{text}, pooled" if pooled else text


def steps(value: float) -> str:
    """Training steps after which something holds, by estimates: whole ones, of two significant figures."""
    if not math.isfinite(value):
        return format_value(value, "steps")
    whole = math.ceil(round(value, 6))
    coarse = 10 ** max(0, len(str(whole)) - 2)
    return f"about {round(whole / coarse) * coarse:,} step{'' if whole == 1 else 's'}"


def duration(seconds: float) -> str:
    """A time that somebody waits for, roughly: `40 s`, `6 min`, `2.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.2g} h"


def digits(value: float, unit: str, like: float) -> str:
    """The value without its unit, in the scale in which `like` is shown."""
    return _digits(value / scale_of(like, unit).divisor, unit)


def scale_of(value: float, unit: str) -> Scale:
    """The scale in which a value is shown."""
    scales = _SCALES.get(unit)
    if scales is None:
        return Scale(0.0, 1.0, unit)
    size = abs(value)
    for scale in scales:
        if size >= scale.least:
            return scale
    return scales[-1]


def _digits(value: float, unit: str) -> str:
    """Three significant figures or more, down to millionths; counts of whole steps have no decimals."""
    size = abs(value)
    if not size < 1e15:  # or not a number
        return f"{value:.3g}"
    whole = size >= 100 or size == 0.0 or (unit == "steps" and value == int(value))
    places = 0 if whole else min(2 - math.floor(math.log10(size)), 6)
    return f"{value:,.{places}f}"
