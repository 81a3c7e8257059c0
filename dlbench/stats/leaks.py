"""Memory that a program goes on taking while it does nothing new: one rule for `dlbench run` and `dlbench check`.

The slope is Theil and Sen's (Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 1968):
the median over all pairs of samples. A cache that fills once, or an allocator that takes a large block now and then,
moves a least-squares line and leaves this one flat.
"""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.stats.estimates import theil_sen

SHORTEST = 10
"""Samples from which a slope is told."""
NOISE_BYTES = 2 << 20
"""Growth over all samples that says nothing."""


def slope(steps: Sequence[int], resident: Sequence[int]) -> float | None:
    """Bytes that stay behind a step, from resident bytes after `steps`; None if within noise.

    Beyond noise is a slope whose 95 % interval lies above zero and which comes to more than 2 MiB over the samples.
    """
    if len(steps) < SHORTEST:
        return None
    if max(resident) - min(resident) <= NOISE_BYTES:
        return None
    least = NOISE_BYTES / (steps[-1] - steps[0])
    if not any(_rise(steps, resident, at) > least for at in range(len(steps) - 1)):
        return None  # no slope between two samples is steeper than the steepest between neighbours
    found, low = theil_sen(steps, [float(bytes_) for bytes_ in resident])
    return found if low > 0 and found * (steps[-1] - steps[0]) > NOISE_BYTES else None


def _rise(steps: Sequence[int], resident: Sequence[int], at: int) -> float:
    """Bytes a step from one sample to the next."""
    return (resident[at + 1] - resident[at]) / (steps[at + 1] - steps[at])
