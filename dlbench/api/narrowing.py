"""Ratios of a session while it is measured: how well each is known, and the seconds until all are.

They are shown with their intervals and without verdicts: whoever stops at a verdict that he likes finds too many.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlbench.analysis import control, evidence, pairs
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Run
from dlbench.session.plan import Group
from dlbench.spec import Workload, workload
from dlbench.stats import interim
from dlbench.stats.decisions import Paired
from dlbench.stats.estimates import Estimate

METRIC = "step_time"


class Narrowed(NamedTuple):
    """The ratio of the step times of a pair after `groups` groups; `half_width` is a share, infinite for one group."""

    name: str
    ratio: Estimate
    groups: int
    half_width: float


class Narrowing:
    """The Runs of a session so far, by workload; controls are left out."""

    def __init__(self) -> None:
        self._runs: dict[Workload, list[Run]] = {}
        self._groups: dict[Workload, int] = {}

    def began(self, group: Group) -> None:
        """A group begins: its workload is planned with that number of groups."""
        self._groups.setdefault(workload(group.specs[0]), group.of)

    def finished(self, run: Run) -> None:
        """A Run is there."""
        self._runs.setdefault(workload(run.spec), []).append(run)

    def ratios(self) -> list[Narrowed]:
        """The ratio of every pair that took turns, the widest interval first."""
        found = [one for runs in self._runs.values() for one in _narrowed(runs)]
        return sorted(found, key=lambda one: -one.half_width)

    def seconds_left(self) -> float | None:
        """Seconds until the last group that the workloads which began will take; None before a group is measured.

        An adaptive session ends at the first interim analysis at which its widest interval, which shrinks by the square
        root of the number of groups, is narrow enough.
        """
        lefts = [_seconds_left(self._runs.get(load, ()), of) for load, of in self._groups.items()]
        known = [left for left in lefts if left is not None]
        return sum(known) if known and len(known) == len(lefts) else None


def _narrowed(runs: Sequence[Run]) -> Iterator[Narrowed]:
    took_turns = list(_pairs(runs))
    names = pairs.names_of(took_turns)
    for pair in took_turns:
        found = evidence.of(pair, METRIC)
        if isinstance(found, Paired):
            ratio = evidence.ratio(found, METRIC)
            yield Narrowed(pairs.name_of(pair, names), ratio, ratio.n, interim.half_width(found))


def _seconds_left(runs: Sequence[Run], planned: int) -> float | None:
    longest: dict[object, float] = {}
    for run in runs:
        longest[run.together] = max(run.wall_seconds, longest.get(run.together, 0.0))
    if not longest:
        return None
    done = len(longest)
    return max(0, _needed(runs, done, planned) - done) * statistics.median(longest.values())


def _needed(runs: Sequence[Run], done: int, planned: int) -> int:
    """The number of groups that this workload will take."""
    widest = max((one.half_width for one in _narrowed(runs)), default=0.0)
    if not runs[0].policy.adaptive or not widest:
        return planned
    wanted = max(done, done * (widest / interim.HALF_WIDTH) ** 2)
    return next((groups for groups in interim.INTERIM_GROUPS if groups >= wanted), interim.INTERIM_GROUPS[-1])


def _pairs(runs: Sequence[Run]) -> Iterator[Pair]:
    in_order = sorted(control.without_controls(list(runs)), key=lambda run: (run.group, run.arm))
    for of_load in pairs.with_baselines(in_order).values():
        yield from (pair for pair in of_load if pair.in_lockstep)
