"""Effort of a trial: which processes measure its members, and for how long."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from dlbench.analysis.effort import in_time, overhead
from dlbench.api.bisection import groups
from dlbench.api.bisection.groups import is_timed
from dlbench.api.request import LEAN
from dlbench.record.schema import Run
from dlbench.spec import Isolation, Policy
from dlbench.stats import rounds
from dlbench.stats.bisection import decisions
from dlbench.stats.bisection.search import Trial
from dlbench.stats.interim import INTERIM_GROUPS

FAST: Isolation = "fork" if sys.platform.startswith("linux") else "fresh"
"""Isolation of trials that read no more than steady steps from a process; a step is confirmed in fresh ones."""

SHORT: Mapping[str, Any] = {**LEAN, "latency_seconds": 0.05}
"""Effort of a process of which step times, peak memory or compile time are read: none of them reads single steps."""
READ_BY_SHORT = ("step_time", "memory_peak", "compile_time")
FIRST, MOST = rounds.LEAST, rounds.MOST
"""Samples of a process in the first trial, and at most."""


class Learnt(NamedTuple):
    """Facts of a trial for the next one: the log ratios of both ends, round by round, and the time beside the rounds.

    `whole` is the logarithm of the ratio of both ends, and `most` the rounds that a process may take.
    """

    rounds: rounds.Groups
    overhead: float
    whole: float
    most: int = MOST


def learnt(trial: Trial, found: groups.ByMember, runs: Sequence[Run]) -> Learnt:
    """Facts of this trial."""
    of_rounds = [one for one in groups.rounds(trial, found) if one]
    whole = statistics.fmean(map(statistics.median, of_rounds)) if of_rounds else 0.0
    return Learnt(of_rounds, overhead(runs), whole, in_time([run for run in runs if run.ok]))


def samples(trial: Trial, last: Learnt | None) -> int:
    """Those of a process: as many as decide soonest by the noise of the last trial, or are worth their time."""
    if last is None:
        return FIRST
    goal = decisions.goals(last.whole, trial.share).get(trial.kind)
    worth = rounds.worth(last.rounds, last.overhead)
    asked = worth if goal is None else rounds.soonest(last.rounds, last.overhead, goal)
    return max(FIRST, min(asked, last.most))


def policy(asked: Policy, metric: str, samples: int, *, confirms: bool, together: bool) -> Policy:
    """Short processes for figures that they have, of that many samples; fresh ones for others than step times.

    Those follow a pilot. A step is confirmed in fresh ones, and programs of several workers are always fresh.
    """
    timed = is_timed(metric)
    return msgspec.structs.replace(
        asked,
        **({**SHORT, "samples": samples} if metric in READ_BY_SHORT else {}),
        adaptive=timed,
        processes=INTERIM_GROUPS[-1],
        isolation="fresh" if not timed or confirms or together else FAST,
        discard=not timed,
    )
