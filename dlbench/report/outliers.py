"""Outliers: groups whose ratio lies far from the others, and their effect on the ratio."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis import evidence, pairs
from dlbench.analysis.labels import Labels
from dlbench.record.schema import Run
from dlbench.spec import Workload
from dlbench.stats.estimates import exp, percentile, trim_count

LEAST = 5
"""Fewest groups among which an outlier can be told."""
FENCE = 3.0
"""Interquartile ranges beyond a quartile from which a value is far out (Tukey 1977, Exploratory Data Analysis, 2E)."""
LEAST_APART = 0.1
"""Share by which such a ratio differs from the median too: the fences of a few groups close together are narrow."""


def outlying(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """One line for every pair in lockstep that has such groups."""
    everything = [run for of_load in by_workload.values() for run in of_load]
    for load, of_load in pairs.with_baselines(everything).items():
        for pair in of_load:
            log_ratios = evidence.group_log_ratios(pair.before, pair.after)
            if found := far_out(log_ratios):
                arms = f"{names.arm(load, pair.candidate.label)} over {pair.baseline.label}"
                yield f"{arms}: {_sentence(found, len(log_ratios))}"


def far_out(log_ratios: Sequence[float]) -> list[float]:
    """Groups beyond Tukey's outer fences that also differ from the median by more than a tenth."""
    if len(log_ratios) < LEAST:
        return []
    low, high = (percentile(log_ratios, rank) or 0.0 for rank in (25, 75))
    middle, fence = statistics.median(log_ratios), FENCE * (high - low)
    return [
        value
        for value in log_ratios
        if not low - fence <= value <= high + fence and abs(value - middle) > math.log1p(LEAST_APART)
    ]


def _sentence(found: Sequence[float], groups: int) -> str:
    ratios = ", ".join(f"{exp(value):.2f}" for value in sorted(found))
    if ends := trim_count(groups):
        after = (
            f"the ratio leaves out {ends} groups at either end"
            if ends > 1
            else "the ratio leaves out the highest and the lowest"
        )
    else:
        after = "it widens the interval; of 15 groups and more (--rigorous, --adaptive) the ratio leaves out such"
    return (
        f"groups with a ratio far from the others: {len(found)} of {groups} ({ratios}); "
        f"a process ran at another speed in most of its rounds; {after}"
    )
