"""One machine: measures a group at a time, whose arms take turns here."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace

import msgspec

from dlbench.record.journal import Journal
from dlbench.record.schema import PhaseTime, Plan, Run
from dlbench.session import pilot, schedule, together
from dlbench.session.known_failures import KnownFailures
from dlbench.session.listener import Listener
from dlbench.session.lockstep import measure_group
from dlbench.session.pilot import PilotProcesses
from dlbench.session.plan import Group, places
from dlbench.session.schedule import Measure
from dlbench.session.together import StartChild
from dlbench.spec import Isolation, Member, Spec


class Machine:
    """Measures groups of a plan on this machine; knows the Specs not worth trying, and the arms that had a pilot."""

    def __init__(self, plan: Plan, listener: Listener, start: StartChild) -> None:
        self._plan, self._listener, self._start = plan, listener, start
        self._known_failures, self._pilots = KnownFailures(), PilotProcesses()
        self._order = {spec: place for place, spec in enumerate(plan.specs)}
        self._alike: dict[Spec, list[Spec]] = {}
        for spec in plan.specs:
            self._alike.setdefault(pilot.pilot_key(spec), []).append(spec)

    def learn(self, runs: Iterable[Run]) -> None:
        """Learn from Runs of this plan which Specs are not worth trying."""
        self._known_failures.learn(runs)

    def measure(self, group: Group) -> list[Run]:
        """The Runs of a group, one for every arm, whatever its outcome.

        A Spec that turned out unsupported is not tried again, nor is a plugin that could not be loaded: their Runs say
        so.
        """
        discarding = self._discard(group)
        runs = [run for part in self._parts(group) for run in self._measure(part)]
        self.learn(runs)
        if discarding:
            pilots = PhaseTime(phase="pilot", seconds=discarding)
            runs[0] = msgspec.structs.replace(runs[0], times=(pilots, *runs[0].times))
        return runs

    def _discard(self, group: Group) -> float:
        """Throw away a process of each arm that has had none in this session, also after an interruption.

        Returns the seconds that they took.
        """
        begin = time.monotonic()
        policy = msgspec.structs.replace(self._plan.policy, isolation="fresh")
        alike = dict.fromkeys(one for spec in group.specs for one in self._alike.get(pilot.pilot_key(spec), ()))
        runnable = [spec for spec in alike if policy.discard and spec not in self._known_failures]
        lacking = self._pilots.lacking(group.specs, runnable)
        for spec in lacking:
            self._listener.discarding(spec)
        if lacking:
            self._pilots.measure(lacking, lambda spec, place: self._start(spec, policy, place))
        return time.monotonic() - begin if lacking else 0.0

    def _parts(self, group: Group) -> list[Group]:
        """The group, or its parts if memory does not hold it."""
        specs = sorted(filter(self._order.__contains__, group.specs), key=self._order.__getitem__)
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
        policy = msgspec.structs.replace(plan.policy, isolation=isolation, samples=group.rounds or plan.policy.samples)
        with ExitStack() as stack:
            arms: dict[Member, together.AnyArm] = {}
            programs: dict[Spec, tuple[str, int]] = {}
            for member, place in places(group, plan.session, isolation):
                spec = member.spec
                if spec not in self._known_failures:
                    arms[member] = together.arm_of(spec, (plan.policy, policy), place, self._start, programs)
                    stack.callback(arms[member].kill)
            seed = policy.order_seed + group.number
            names = [member.label for member in arms]

            def tell(stage: str, at: int) -> None:
                if stage == "building" and group.number == 0:
                    self._listener.building(names[at])

            measure_group(list(arms.values()), seed, tell)
            return [
                arms[member].run() if member in arms else self._known_failures.run(member.spec, plan.policy, place)
                for member, place in places(group, plan.session, isolation)
            ]


def here(start: StartChild) -> Measure:
    """Measuring on this machine alone, one group after the other."""

    def measure(
        plan: Plan, listener: Listener, before: Sequence[Run], due: Iterator[Group | None]
    ) -> Iterator[tuple[Group, list[Run]]]:
        machine = Machine(plan, listener, start)
        machine.learn(before)
        for group in filter(None, due):
            yield group, machine.measure(group)

    return measure


def record(groups: Sequence[Group], journal: Journal, listener: Listener, start: StartChild) -> list[Run]:
    """`schedule.record` of a fixed number of groups on this machine."""
    return schedule.record(groups, journal, listener, here(start))
