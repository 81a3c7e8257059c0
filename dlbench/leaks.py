"""Memory that a program goes on taking while it does nothing new, read from what is resident after each steady sample.

The slope is that of Theil and Sen (Sen, "Estimates of the regression coefficient based on Kendall's tau", JASA 1968):
the median over all pairs of samples. A cache that fills once, or an allocator that takes a large block now and then,
moves a least-squares line and leaves this one flat.
"""

from __future__ import annotations

import itertools

from dlbench.record import UNTIMED, Run
from dlbench.stats import theil_sen

SHORTEST = 10
"""Samples from which a slope is told."""
NOISE_BYTES = 2 << 20
"""Growth over all steady samples that says nothing: half of what `dlbench check` lets grow in 500 steps."""


def growth(run: Run) -> float | None:
    """Host bytes that stay behind a step; None where it is not beyond noise.

    Beyond noise is a slope whose 95 % interval lies above zero and which comes to more than 2 MiB over the samples.
    """
    steady = [sample for sample in run.samples if sample.stage == "steady" and sample.resident_bytes is not None]
    if run.isolation == "none" or len(steady) < SHORTEST:
        return None
    untimed = max(UNTIMED, run.spec.steps_per_call)
    steps = list(itertools.accumulate(untimed + sample.steps for sample in steady))
    slope, low = theil_sen(steps, [float(sample.resident_bytes or 0) for sample in steady])
    return slope if low > 0 and slope * (steps[-1] - steps[0]) > NOISE_BYTES else None
