"""Worth of rounds: the spread of a group's ratio by the number of its first rounds that are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import stats

from dlbench.analysis import evidence
from studies.decision_quality import groups
from studies.decision_quality.pool import Batch

ROUNDS = (2, 4, 6, 8, 10, 12, 16, 20, 30, 40, 60, 80, 120, 160, 200)
PAIR = "base", "again"
"""Two arms of equal work."""


def table(batches: Sequence[Batch]) -> Iterator[str]:
    """Rows of Markdown: the robust spread in percent of each workload, by rounds.

    A group's ratio is the product's own, the median over its rounds without waits for a core; groups whose waits are
    not known are left out, and a number of rounds that half of the groups do not have is empty. The spread is the
    median absolute deviation over groups, scaled to the standard deviation of normal numbers: a group in ten that a
    neighbour slowed says nothing of the others.
    """
    of = {load: _groups(batches, load) for load in dict.fromkeys(batch.workload for batch in batches)}
    most = max((len(group) for found in of.values() for group in found), default=0)
    numbers = [number for number in ROUNDS if number <= most]
    yield f"| | groups | {' | '.join(map(str, numbers))} |"
    yield "|---|" + "---|" * (len(numbers) + 1)
    for load, found in of.items():
        yield f"| {load} | {len(found)} | {' | '.join(_cell(found, rounds) for rounds in numbers)} |"


def _groups(batches: Sequence[Batch], load: str) -> list[list[float]]:
    """The log ratios of the rounds of each group, as the product reads them."""
    of_load = [batch for batch in batches if batch.workload == load]
    found = (evidence.round_log_ratios(*pair) for pair in groups.lockstep(of_load, PAIR[1], PAIR[0]).runs)
    return [one for one in found if one]


def _cell(found: Sequence[Sequence[float]], rounds: int) -> str:
    having = [group for group in found if len(group) >= rounds]
    if not having or 2 * len(having) < len(found):
        return ""
    return f"{100 * _spread([float(np.median(group[:rounds])) for group in having]):.2f}"


def _spread(values: Sequence[float]) -> float:
    return float(stats.median_abs_deviation(values, scale="normal"))
