"""Memory that a program goes on taking while it does nothing new: one rule for `dlbench run` and `dlbench check`.

The slope is that of Theil and Sen (Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 1968):
the median over all pairs of samples. A cache that fills once, or an allocator that takes a large block now and then,
moves a least-squares line and leaves this one flat.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from dlbench.record import UNTIMED, Run
from dlbench.stats import theil_sen

SHORTEST = 10
"""Samples from which a slope is told."""
NOISE_BYTES = 2 << 20
"""Growth over all samples that says nothing."""


def growth(run: Run) -> float | None:
    """Host bytes that stay behind a step of a Run; None where they are not beyond noise."""
    steady = [sample for sample in run.samples if sample.stage == "steady" and sample.resident_bytes is not None]
    if run.isolation == "none":
        return None
    untimed = max(UNTIMED, run.spec.steps_per_call)
    steps = list(itertools.accumulate(untimed + sample.steps for sample in steady))
    return slope(steps, [sample.resident_bytes or 0 for sample in steady])


def slope(steps: Sequence[int], resident: Sequence[int]) -> float | None:
    """Bytes that stay behind a step, from what was resident after so many steps; None where not beyond noise.

    Beyond noise is a slope whose 95 % interval lies above zero and which comes to more than 2 MiB over the samples.
    """
    if len(steps) < SHORTEST:
        return None
    found, low = theil_sen(steps, [float(bytes_) for bytes_ in resident])
    return found if low > 0 and found * (steps[-1] - steps[0]) > NOISE_BYTES else None
