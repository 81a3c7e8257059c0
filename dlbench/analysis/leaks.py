"""Growth of host memory in a Run, by the rule of `dlbench.stats.leaks`."""

from __future__ import annotations

import itertools

from dlbench.analysis.memo import by_run
from dlbench.record.schema import UNTIMED, Run
from dlbench.stats.leaks import slope


@by_run
def growth(run: Run) -> float | None:
    """Host bytes that stay behind a step of a Run; None if they are within noise."""
    steady = [sample for sample in run.samples if sample.stage == "steady" and sample.resident_bytes is not None]
    if run.isolation == "none":
        return None
    untimed = max(UNTIMED, run.spec.steps_per_call)
    steps = list(itertools.accumulate(untimed + sample.steps for sample in steady))
    return slope(steps, [sample.resident_bytes or 0 for sample in steady])
