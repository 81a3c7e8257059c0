"""Has groups measured in the order of the plan, and puts the Runs of each on the disk as soon as they are there."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

from dlbench.errors import DlbenchError
from dlbench.record.flags import STATUSES
from dlbench.record.journal import Journal
from dlbench.record.schema import Plan, Run
from dlbench.session.eta import TimeEstimate
from dlbench.session.known_failures import KnownFailures
from dlbench.session.listener import Listener
from dlbench.session.plan import Group
from dlbench.session.remaining import missing_groups
from dlbench.spec import Spec, Workload, workload
from dlbench.stats.interim import INTERIM_GROUPS

Measure = Callable[
    [Plan, Listener, Sequence[Run], Iterator[Group | None]],
    Iterator[tuple[Group, list[Run]]],
]
"""Measures the groups of a plan: here (`dlbench.session.machine`), or on several machines (`dlbench.session.cluster`).

Takes from the iterator as many groups as can be measured now; None says that the next one waits for the results of
those that are being measured. Yields each group with its Runs, one for every arm, as soon as it has been measured. The
Runs that it gets are those of an earlier session of this plan.
"""

Enough = Callable[[Sequence[Run]], bool]
"""True if these Runs of one workload are enough of them."""


class Effort(Protocol):
    """Rounds of a group, and the seconds that it will take with them."""

    @property
    def rounds(self) -> int:
        """Number of rounds."""
        ...

    @property
    def seconds(self) -> float:
        """Seconds of the group."""
        ...


Rounds = Callable[[Sequence[Run]], Effort | None]
"""Effort of the group that follows these Runs of one workload; None for the rounds of the policy."""

RENEWALS = 100
"""Times that the time left of a long session is estimated anew; each looks at all groups that are left."""


class Session:
    """Has the missing groups of a plan measured; knows the durations so far and the workloads that need no more."""

    def __init__(
        self,
        plan: Plan,
        listener: Listener,
        measure: Measure,
        enough: Enough = lambda _: False,
        rounds: Rounds = lambda _: None,
    ) -> None:
        self._plan, self._listener, self._measure, self._rounds = plan, listener, measure, rounds
        self._finished = _Finished(plan, enough)
        self._known_failures, self._estimate = KnownFailures(), TimeEstimate()
        self._began: dict[Group, float] = {}
        self._left: tuple[int, float | None] = (0, None)

    def execute(
        self, groups: Sequence[Group], before: Sequence[Run] = (), budget: float | None = None
    ) -> Iterator[list[Run]]:
        """Have the groups measured in order and yield the Runs of each, one for every Spec, whatever its outcome.

        Stops before a group that would overrun the budget in seconds. `before` holds the Runs of an earlier session.
        """
        self._learn(before)
        for group, runs in self._measure(self._plan, self._listener, before, self._due(groups, budget)):
            pilots = sum(one.seconds for one in runs[0].times if one.phase == "pilot")
            self._estimate.add(group, time.monotonic() - self._began.pop(group) - pilots)
            self._learn(runs)
            yield runs

    def _due(self, groups: Sequence[Group], budget: float | None) -> Iterator[Group | None]:
        """The groups to measure; None while the next one may turn out to be superfluous."""
        begin = time.monotonic()
        for done, group in enumerate(groups):
            while self._began and self._finished.may_end_before(group):
                yield None
            if group in self._finished:
                continue
            due, elapsed = self._rounds(self._finished.runs(group)), time.monotonic() - begin
            expected = max(self._estimate.expected(group) or 0.0, due.seconds if due else 0.0)
            if budget is not None and elapsed + expected > budget:
                left_out = len(self._ahead(groups, done))
                self._listener.stopped(f"the budget of {budget:g} s is used; {left_out} groups left out")
                return
            self._listener.group_started(group, done, len(groups), self._seconds_left(groups, done))
            self._began[group] = time.monotonic()
            yield replace(group, rounds=due.rounds if due else None)

    def _ahead(self, groups: Sequence[Group], done: int) -> list[Group]:
        return [one for one in groups[done:] if one not in self._finished]

    def _seconds_left(self, groups: Sequence[Group], done: int) -> float | None:
        """Seconds until the end, if as many groups are measured at a time as now."""
        renewed, seconds = self._left
        if done >= renewed or seconds is None:
            runnable = (
                one for one in self._ahead(groups, done) if not all(map(self._known_failures.__contains__, one.specs))
            )
            seconds = self._estimate.remaining(list(runnable))
            self._left = done + max(1, (len(groups) - done) // RENEWALS), seconds
        return None if seconds is None else seconds / (len(self._began) + 1)

    def _learn(self, runs: Sequence[Run]) -> None:
        self._known_failures.learn(runs)
        self._finished.learn(runs)


def record(
    groups: Sequence[Group],
    journal: Journal,
    listener: Listener,
    measure: Measure,
    enough: Enough = lambda _: False,
    rounds: Rounds = lambda _: None,
) -> list[Run]:
    """Have the groups measured that the journal still lacks, and append every Run to it, group by group.

    Nothing is written while the only results are that something cannot run here; if it stays so, DlbenchError says why.
    Returns all Runs of the journal.
    """
    session, held_back = Session(journal.plan, listener, measure, enough, rounds), list[Run]()
    missing = missing_groups(groups, journal)
    try:
        for runs in session.execute(missing, journal.runs, journal.budget_seconds):
            held_back += runs
            if journal.runs or not all(never_ran(run) for run in held_back):
                journal.append(held_back)
                for run in held_back:
                    listener.finished(run)
                held_back = []
    finally:
        journal.arrange(_in_order_of(groups))
    if not journal.runs:
        raise DlbenchError("; ".join(dict.fromkeys(run.reason for run in held_back)) or "nothing was measured")
    return journal.runs


def _in_order_of(groups: Sequence[Group]) -> Callable[[Run], int]:
    places = {(member, group.number): place for place, group in enumerate(groups) for member in group.members}
    return lambda run: places[run.member, run.group]


class _Finished:
    """Workloads that need no further group; judged with the arms as planned, whichever of them started first."""

    def __init__(self, plan: Plan, enough: Enough) -> None:
        self._adaptive, self._enough = plan.policy.adaptive, enough
        self._order: dict[Spec, int] = {spec: place for place, spec in enumerate(plan.specs)}
        self._runs: dict[Workload, list[Run]] = {}
        self._done: set[Workload] = set()

    def __contains__(self, group: Group) -> bool:
        return workload(group.specs[0]) in self._done

    def learn(self, runs: Sequence[Run]) -> None:
        """Learn from the Runs of whole groups."""
        if not self._adaptive:
            return
        for run in runs:
            self._runs.setdefault(workload(run.spec), []).append(run)
        for load in dict.fromkeys(workload(run.spec) for run in runs):
            if load.timed and self._enough(self._in_order(load)):
                self._done.add(load)

    def runs(self, group: Group) -> list[Run]:
        """Those of this group's workload so far, if the session has as many groups as its ratios take."""
        return self._in_order(workload(group.specs[0]))

    def _in_order(self, load: Workload) -> list[Run]:
        return sorted(self._runs.get(load, ()), key=lambda run: self._order[run.spec])

    def may_end_before(self, group: Group) -> bool:
        """True until all groups up to the last interim analysis before this one have been measured."""
        load = workload(group.specs[0])
        if not self._adaptive or not load.timed or load in self._done:
            return False
        analysed = max((number for number in INTERIM_GROUPS if number <= group.number), default=0)
        return len({run.group for run in self._runs.get(load, ())}) < analysed


def never_ran(run: Run) -> bool:
    """True if no model stood: a plugin that gives up in the middle of its work has a row as any other."""
    return run.info is None and (STATUSES[run.status].final or run.has("not_loaded"))
