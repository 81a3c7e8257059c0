"""Measures groups one after the other and puts every Run on the disk before the next group starts."""

from __future__ import annotations

import datetime
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from typing import Protocol

import msgspec

from dlbench.errors import DlbenchError
from dlbench.record.flags import STATUSES
from dlbench.record.journal import Journal
from dlbench.record.schema import PhaseTime, Plan, Run
from dlbench.session import pilot, together
from dlbench.session.eta import TimeEstimate
from dlbench.session.lockstep import measure_group
from dlbench.session.pilot import PilotProcesses
from dlbench.session.plan import Group, Place
from dlbench.session.remaining import missing_groups
from dlbench.session.together import StartChild
from dlbench.spec import Isolation, Member, Policy, Spec, Workload, workload

Enough = Callable[[Sequence[Run]], bool]
"""True if these Runs of one workload are enough of them."""


class Listener(Protocol):
    """Receiver of progress, outside the timed region; every call must return at once."""

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """A group begins; `seconds_left` estimates the time for it and all that follow, None before it is known."""
        ...

    def discarding(self, spec: Spec) -> None:
        """A process of this Spec begins that is thrown away."""
        ...

    def announce(self, group: Group, stage: str, number: int) -> None:
        """Stage of the group now, and the number of the arm or round."""
        ...

    def finished(self, run: Run) -> None:
        """A Run is on the disk."""
        ...

    def stopped(self, reason: str) -> None:
        """No further group is measured."""
        ...

    def note(self, text: str) -> None:
        """A sentence about the session, such as the answer of a parity check."""
        ...


class Session:
    """Measures the missing groups of a plan; knows the Specs not worth trying and the durations so far."""

    def __init__(self, plan: Plan, listener: Listener, start: StartChild, enough: Enough = lambda _: False) -> None:
        self._plan, self._listener, self._start = plan, listener, start
        self._finished = _Finished(plan.specs, enough if plan.policy.adaptive else lambda _: False)
        self._known_failures, self._estimate, self._pilots = _KnownFailures(), TimeEstimate(), PilotProcesses()

    def execute(self, groups: Sequence[Group], before: Sequence[Run] = ()) -> Iterator[list[Run]]:
        """Measure the groups in order and yield the Runs of each, one for every Spec, whatever its outcome.

        A Spec that turned out unsupported is not tried again, nor is a plugin that could not be loaded: their Runs say
        so. Stops before a group that would overrun the policy's budget. `before` holds the Runs of an earlier session.
        """
        begin, budget = time.monotonic(), self._plan.policy.budget_seconds
        self._learn(before)
        for done, group in enumerate(groups):
            if group in self._finished:
                continue
            ahead = [one for one in groups[done:] if one not in self._finished]
            elapsed = time.monotonic() - begin
            if budget is not None and elapsed + (self._estimate.expected(group) or 0.0) > budget:
                self._listener.stopped(f"the budget of {budget:g} s is used; {len(ahead)} groups left out")
                return
            runnable = [one for one in ahead if not all(spec in self._known_failures for spec in one.specs)]
            self._listener.group_started(group, done, len(groups), self._estimate.remaining(runnable))
            discarding = self._discard(group)
            with self._estimate.timing(group):
                runs = [run for part in self._parts(group) for run in self._measure(part)]
            self._learn(runs)
            if discarding:
                pilots = PhaseTime(phase="pilot", seconds=discarding)
                runs[0] = msgspec.structs.replace(runs[0], times=(pilots, *runs[0].times))
            yield runs

    def _learn(self, runs: Sequence[Run]) -> None:
        self._known_failures.learn(runs)
        self._finished.learn(runs)

    def _discard(self, group: Group) -> float:
        """Throw away a process of each arm that has had none in this session, also after an interruption.

        Returns the seconds that they took.
        """
        begin = time.monotonic()
        policy = msgspec.structs.replace(self._plan.policy, isolation="fresh")
        runnable = [spec for spec in self._plan.specs if policy.discard and spec not in self._known_failures]
        lacking = self._pilots.lacking(group.specs, runnable)
        for spec in lacking:
            self._listener.discarding(spec)
        if lacking:
            self._pilots.measure(lacking, lambda spec, place: self._start(spec, policy, place))
        return time.monotonic() - begin if lacking else 0.0

    def _parts(self, group: Group) -> list[Group]:
        """The group, or its parts if memory does not hold it."""
        specs = [spec for spec in self._plan.specs if spec in group.specs]
        available = pilot.available_memory(self._pilots.device(specs))
        planned = sorted(group.members, key=lambda member: (specs.index(member.spec), member.control))
        parts = pilot.split(planned, self._pilots.sizes(specs), available)
        ordered = [tuple(member for member in group.members if member in part) for part in parts]
        return [replace(group, members=part, part=group.part + place) for place, part in enumerate(ordered)]

    def _measure(self, group: Group) -> list[Run]:
        """Runs with the plan's isolation; a group whose forked child hung is measured again in fresh processes."""
        isolation = self._isolation(group)
        runs = self._measure_once(group, isolation)
        hung = {run.member for run in runs if isolation == "fork" and run.status == "timeout"}
        if not hung:
            return runs
        again = self._measure_once(group, "fresh")
        return [
            msgspec.structs.replace(one, flags=(*one.flags, "fork_hung")) if one.member in hung else one
            for one in again
        ]

    def _isolation(self, group: Group) -> Isolation:
        """Forked are those that time steps; the first process of a Spec is fresh: memory and cold start come from it.

        So is one that trains to a target: the time that it takes begins with the first step.
        """
        asked = self._plan.policy.isolation
        fresh = group.number == 0 or not group.specs[0].timed or self._known_failures.hung(group)
        return "fresh" if asked == "fork" and fresh else asked

    def _measure_once(self, group: Group, isolation: Isolation) -> list[Run]:
        plan = self._plan
        policy = msgspec.structs.replace(plan.policy, isolation=isolation)
        with ExitStack() as stack:
            arms: dict[Member, together.AnyArm] = {}
            programs: dict[Spec, tuple[str, int]] = {}
            for member, place in self._places(group, isolation):
                spec = member.spec
                if spec not in self._known_failures:
                    arms[member] = together.arm_of(spec, (plan.policy, policy), place, self._start, programs)
                    stack.callback(arms[member].kill)
            seed = policy.order_seed + group.number
            measure_group(list(arms.values()), seed, lambda stage, at: self._listener.announce(group, stage, at))
            return [
                arms[member].run() if member in arms else self._known_failures.run(member.spec, plan.policy, place)
                for member, place in self._places(group, isolation)
            ]

    def _places(self, group: Group, isolation: Isolation) -> Iterator[tuple[Member, Place]]:
        session, arms = self._plan.session, len(group.members)
        for number, member in enumerate(group.members):
            control = member.control
            yield member, Place(session, group.number, group.of, number, arms, isolation, group.part, control)


def record(
    groups: Sequence[Group],
    journal: Journal,
    listener: Listener,
    start: StartChild,
    enough: Enough = lambda _: False,
) -> list[Run]:
    """Measure the groups that the journal still lacks, and append every Run to it, group by group.

    Nothing is written while the only results are that something cannot run here; if it stays so, DlbenchError says why.
    Returns all Runs of the journal.
    """
    session, held_back = Session(journal.plan, listener, start, enough), list[Run]()
    missing = missing_groups(groups, journal)
    for runs in session.execute(missing, journal.runs):
        held_back += runs
        if journal.runs or not all(_never_ran(run) for run in held_back):
            journal.append(held_back)
            for run in held_back:
                listener.finished(run)
            held_back = []
    if not journal.runs:
        raise DlbenchError("; ".join(dict.fromkeys(run.reason for run in held_back)) or "nothing was measured")
    return journal.runs


class _Finished:
    """Workloads that need no further group; judged with the arms as planned, whichever of them started first."""

    def __init__(self, planned: Sequence[Spec], enough: Enough) -> None:
        self._planned, self._enough = planned, enough
        self._runs: dict[Workload, list[Run]] = {}
        self._done: set[Workload] = set()

    def __contains__(self, group: Group) -> bool:
        return workload(group.specs[0]) in self._done

    def learn(self, runs: Sequence[Run]) -> None:
        """Learn from the Runs of whole groups."""
        for run in runs:
            self._runs.setdefault(workload(run.spec), []).append(run)
        for load in dict.fromkeys(workload(run.spec) for run in runs):
            in_order = sorted(self._runs[load], key=lambda run: self._planned.index(run.spec))
            if load.timed and self._enough(in_order):
                self._done.add(load)


class _KnownFailures:
    """Specs that are not tried again, with the Run that says why; plugins that are not forked again."""

    def __init__(self) -> None:
        self._specs: dict[Spec, Run] = {}
        self._plugins: dict[tuple[str, str], Run] = {}
        self._hung: set[str] = set()

    def __contains__(self, spec: Spec) -> bool:
        return spec in self._specs or _place_of(spec) in self._plugins

    def learn(self, runs: Iterable[Run]) -> None:
        for run in runs:
            if STATUSES[run.status].final:
                self._specs.setdefault(run.spec, run)
            if run.has("not_loaded"):
                self._plugins.setdefault(_place_of(run.spec), run)
            if run.has("fork_hung"):
                self._hung.add(run.spec.plugin)

    def hung(self, group: Group) -> bool:
        """True if a forked child of one of these plugins hung."""
        return any(spec.plugin in self._hung for spec in group.specs)

    def run(self, spec: Spec, policy: Policy, place: Place) -> Run:
        """The Run of a Spec that is not tried: why it is not."""
        known = self._specs.get(spec) or self._plugins[_place_of(spec)]
        return Run(
            spec=spec,
            policy=policy,
            **asdict(place),
            status=known.status,
            reason=known.reason,
            output_tail=known.output_tail,
            flags=tuple(dict.fromkeys((*known.flags, "not_tried"))),
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            wall_seconds=0.0,
        )


def _place_of(spec: Spec) -> tuple[str, str]:
    """The plugin and the Python environment: it may lack something in one and have it in another."""
    return spec.plugin, spec.python


def _never_ran(run: Run) -> bool:
    """No model stood; a plugin that gives up in the middle of its work has a row as any other."""
    return run.info is None and (STATUSES[run.status].final or run.has("not_loaded"))
