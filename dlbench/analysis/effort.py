"""Effort of the next group of a session: rounds, by the noise of its groups so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

from dlbench.analysis import control, evidence, pairs, pooling
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Run, Together
from dlbench.stats import rounds
from dlbench.stats.interim import INTERIM_GROUPS


def rounds_due(runs: Sequence[Run]) -> int | None:
    """Rounds of the next group of this workload: as many as its noisiest pair asks for; None for those of the policy.

    They are worth their time beside what a group costs anyway, and no more than make the ratio known well enough at the
    next interim analysis. The number depends on spreads alone, and so favours no verdict.
    """
    if not runs or not runs[0].policy.adaptive or not runs[0].spec.timed:
        return None
    ok = [run for run in control.without_controls(pooling.parted(runs)) if run.ok]
    found = [_of(pair) for of_load in pairs.with_baselines(ok).values() for pair in of_load if pair.in_lockstep]
    done = len({run.group for run in runs})
    analysed = next((number for number in INTERIM_GROUPS if number > done), INTERIM_GROUPS[-1])
    cost = overhead(runs)
    least = runs[0].policy.samples
    return max((rounds.due(groups, cost, analysed, least) for groups in found), default=None)


def overhead(runs: Sequence[Run]) -> float:
    """Time of a group beside its steady rounds, in the time of a round; 0 if it is not known."""
    steady = [[one.seconds for one in run.samples if one.stage == "steady"] for run in runs]
    numbers, whole = list(map(len, steady)), math.fsum(map(math.fsum, steady))
    return (seconds(runs) - whole) / whole * statistics.fmean(numbers) if whole > 0 else 0.0


def seconds(runs: Sequence[Run]) -> float:
    """Seconds that these groups took: their arms start together and end together."""
    longest: dict[Together, float] = {}
    for run in runs:
        longest[run.together] = max(run.wall_seconds, longest.get(run.together, 0.0))
    return math.fsum(longest.values())


def _of(pair: Pair) -> list[list[float]]:
    """The log ratio of each round, for every group that holds both arms."""
    before = {run.together: run for run in pair.before}
    return [evidence.round_log_ratios(before[run.together], run) for run in pair.after if run.together in before]
