"""Phrases of a sentence: times and lists."""

from __future__ import annotations

from collections.abc import Sequence


def seconds(value: float) -> str:
    """A time with three figures: `1.23 ms`."""
    divisor, unit = next(((d, u) for d, u in ((1.0, "s"), (1e-3, "ms")) if abs(value) >= d), (1e-6, "µs"))
    return f"{value / divisor:.3g} {unit}"


def listed(parts: Sequence[str]) -> str:
    """Parts with commas and an `and`."""
    return f"{', '.join(parts[:-1])} and {parts[-1]}" if len(parts) > 1 else "".join(parts)
