"""Efficiency of several workers, by the one-worker programs that took turns with them, round by round.

Under weak scaling the worker alone has the batch of each worker, under strong scaling the one that they share.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping

from dlbench.analysis.memo import by_run
from dlbench.analysis.rounds import by_round
from dlbench.record.schema import CONTROLS, Run, Stage
from dlbench.spec import workers
from dlbench.stats.estimates import Estimate

BESIDE, ALONE = CONTROLS


@by_run
def efficiency(run: Run) -> float | None:
    """Samples a second of each worker, over those of one worker alone: the median over rounds."""
    whole = workers.samples(run.spec) / (workers.count(run.spec) * run.spec.batch_size)
    share = _over_steps(run, ALONE)
    return None if share is None else share * whole


@by_run
def efficiency_beside(run: Run) -> float | None:
    """Seconds of a step without exchange, the mean of as many workers at the same time, over those of one with it."""
    return _over_steps(run, BESIDE)


def exchange_share(beside: Estimate) -> Estimate:
    """Share of a step that it takes longer than one without exchange: the rest of that efficiency.

    Below 0 if it is quicker.
    """
    low, high = (None if end is None else 1.0 - end for end in (beside.high, beside.low))
    return Estimate(1.0 - beside.value, low, high, beside.n)


def _over_steps(run: Run, stage: Stage) -> float | None:
    """Seconds of a step of this stage over those of all workers' steps in the same round: the median over rounds.

    None for one worker.
    """
    if not run.spec.together:
        return None
    steps, controls = by_round(run), _means(run, stage)
    ratios = [controls[at] / steps[at] for at in steps if at in controls and steps[at] > 0]
    return statistics.median(ratios) if ratios else None


def _means(run: Run, stage: Stage) -> Mapping[int, float]:
    found: dict[int, list[float]] = {}
    for one in run.samples:
        if one.stage == stage and one.round is not None:
            found.setdefault(one.round, []).append(one.seconds / one.steps)
    return {at: statistics.fmean(seconds) for at, seconds in found.items()}
