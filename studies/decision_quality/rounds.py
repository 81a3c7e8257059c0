"""Worth of rounds: the spread of a group's ratio by the number of its first rounds that are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from studies.decision_quality.pool import Batch

ROUNDS = (2, 4, 6, 8, 10, 12, 16, 20)
PAIR = "base", "again"
"""Two arms of equal work."""


def table(batches: Sequence[Batch]) -> Iterator[str]:
    """Rows of Markdown: the robust spread in percent of each workload, by rounds.

    A group's ratio is the median over its rounds. The spread is the median absolute deviation over groups, scaled to
    the standard deviation of normal numbers: a group in ten that a neighbour slowed says nothing of the others.
    """
    most = max(
        (len(one.nanoseconds) for batch in batches if batch.kind == "lockstep" for one in batch.processes), default=0
    )
    numbers = [number for number in ROUNDS if number <= most]
    yield f"| | groups | {' | '.join(map(str, numbers))} |"
    yield "|---|" + "---|" * (len(numbers) + 1)
    for workload in dict.fromkeys(batch.workload for batch in batches):
        groups = [_log_ratios(one) for one in batches if (one.workload, one.kind) == (workload, "lockstep")]
        spreads = (_spread([float(np.median(group[:rounds])) for group in groups]) for rounds in numbers)
        yield f"| {workload} | {len(groups)} | {' | '.join(f'{100 * spread:.2f}' for spread in spreads)} |"


def _log_ratios(batch: Batch) -> np.ndarray:
    logs = {one.arm: np.log(np.array(one.nanoseconds) / one.executed) for one in batch.processes}
    found: np.ndarray = logs[PAIR[1]] - logs[PAIR[0]]
    return found


def _spread(values: Sequence[float]) -> float:
    return float(stats.median_abs_deviation(values, scale="normal"))
