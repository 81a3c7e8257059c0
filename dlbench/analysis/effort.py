"""Effort of the next group of a session: rounds, by the noise of its groups so far."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

from dlbench.analysis import control, evidence, pairs, pooling
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Run, Sample, Together
from dlbench.stats import rounds
from dlbench.stats.interim import INTERIM_GROUPS

OF_LIMIT = 0.5
"""Share of the time that a process may work which its rounds may take: the rest is for all that is around them."""

HANDOVER = 0.01
"""Seconds of a turn beside its steps: orders, batches, reading the clocks, waiting until nothing runs.

It was 9 to 11 ms of programs in PyTorch and JAX on a machine of two cores.
"""


class Cost(NamedTuple):
    """Seconds of a group beside its rounds, at least, and of one of its rounds."""

    fixed: float
    round: float


class Due(NamedTuple):
    """Rounds of the next group, and the seconds that it will take."""

    rounds: int
    seconds: float


def rounds_due(runs: Sequence[Run]) -> Due | None:
    """Rounds of the next group of this workload: as many as its noisiest pair asks for; None for those of the policy.

    They are worth their time beside what a group costs anyway, and no more than make the ratio known well enough at the
    next interim analysis, or than a process may take. The number depends on spreads and times alone, and so favours no
    verdict.
    """
    if not runs or not runs[0].policy.adaptive or not runs[0].spec.timed:
        return None
    ok = [run for run in control.without_controls(pooling.parted(runs)) if run.ok]
    found = [_of(pair) for of_load in pairs.with_baselines(ok).values() for pair in of_load if pair.in_lockstep]
    spent = cost([run for run in runs if run.ok])
    if not found or spent is None:
        return None
    least, done = runs[0].policy.samples, len({run.group for run in runs})
    analysed = next((number for number in INTERIM_GROUPS if number > done), INTERIM_GROUPS[-1])
    asked = max(rounds.due(groups, spent.fixed / spent.round, analysed, least) for groups in found)
    number = max(least, min(asked, in_time(ok)))
    return Due(number, spent.fixed + number * spent.round)


def cost(runs: Sequence[Run]) -> Cost | None:
    """That of the groups of these Runs; None of Runs without rounds.

    The cheapest group counts: the first ones are measured in full, and the later ones are not.
    """
    groups: dict[Together, list[Run]] = {}
    for run in runs:
        if any(map(_is_of_a_round, run.samples)):
            groups.setdefault(run.together, []).append(run)
    if not groups:
        return None
    in_rounds = {at: sum(map(_round_seconds, of_group)) for at, of_group in groups.items()}
    beside = [
        max(run.wall_seconds for run in of_group) - in_rounds[at] * max(map(_rounds, of_group))
        for at, of_group in groups.items()
    ]
    return Cost(max(min(beside), 0.0), statistics.median(in_rounds.values()))


def overhead(runs: Sequence[Run]) -> float:
    """Time of a group beside its rounds, in the time of a round; 0 if it is not known."""
    found = cost([run for run in runs if run.ok])
    return found.fixed / found.round if found is not None else 0.0


def _of(pair: Pair) -> list[list[float]]:
    """The log ratio of each round, for every group that holds both arms."""
    before = {run.together: run for run in pair.before}
    return [evidence.round_log_ratios(before[run.together], run) for run in pair.after if run.together in before]


def in_time(runs: Sequence[Run]) -> int:
    """Rounds that every process of these Runs may take; those that any may take of Runs without rounds."""
    seconds = [(run.policy.timeout_seconds, _round_seconds(run)) for run in runs]
    return math.floor(
        min((OF_LIMIT * limit / of_round for limit, of_round in seconds if of_round), default=rounds.MOST)
    )


def _round_seconds(run: Run) -> float:
    """Seconds of a round of this process: its samples, and of each steady one the untimed step and the handover."""
    number = _rounds(run)
    taken = (
        one.seconds * (one.steps + 1) / one.steps + HANDOVER if one.stage == "steady" else one.seconds
        for one in run.samples
        if _is_of_a_round(one)
    )
    return math.fsum(taken) / number if number else 0.0


def _rounds(run: Run) -> int:
    return len({one.round for one in run.samples if _is_of_a_round(one)})


def _is_of_a_round(sample: Sample) -> bool:
    return sample.round is not None
