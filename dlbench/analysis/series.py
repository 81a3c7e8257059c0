"""Series of a Run: the seconds of its steps, by stage."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dlbench.analysis.memo import by_run
from dlbench.record.schema import Run, Stage


def steps_of(run: Run, stage: Stage) -> Sequence[float]:
    """Seconds a step of each sample of a stage, in order; none of a program that had no steady state."""
    return _steps(run).get(stage, ())


@by_run
def _steps(run: Run) -> Mapping[str, Sequence[float]]:
    """The same by stage."""
    found: defaultdict[str, list[float]] = defaultdict(list)
    for sample in () if run.has("unstable") else run.samples:
        found[sample.stage].append(sample.seconds / sample.steps)
    return found
