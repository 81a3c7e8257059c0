"""Deals the groups of a plan to the nodes of a cluster, one at a time to each, and takes their Runs.

A node is leased for the session: all of its CPUs, and as many GPUs as an arm needs. A group stays together on one
node. If the process that measures it is lost, with its node or alone, the group is measured once more, on any node. A
group that is not done by its deadline is lost too, and its process is killed: a frozen node says nothing.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from dlbench.errors import DlbenchError
from dlbench.record.flags import StatusName
from dlbench.record.schema import Plan, Run
from dlbench.session.cluster.demand import Demand, Node, described
from dlbench.session.cluster.lost import Task, runs_of_lost
from dlbench.session.listener import Listener
from dlbench.session.plan import Group, groups
from dlbench.session.schedule import Measure
from dlbench.spec import workload

ATTEMPTS = 2
"""Times that a group is measured, and a process started on a node, at most."""
GRACE = 30.0
"""Seconds that a group may take beside the work of its processes."""
STARTING = 120.0
"""Seconds of waiting for a node after which it is said; one that was given up is then left out."""
LOOK = 1.0
"""Seconds between two looks at nodes and deadlines."""

Outcome = tuple[Group, list[Run]]


class Lost(Exception):
    """The process behind a lease is gone, or its node."""


class Lease(Protocol):
    """A node that this session has for itself, and a process there."""

    def ready(self) -> object:
        """A promise of a text: empty, or the reason that nothing can be measured there."""
        ...

    def measure(self, group: Group) -> object:
        """A promise of the Runs of a group."""
        ...

    def release(self) -> None:
        """Kill the process and give the node back."""
        ...


class Cluster(Protocol):
    """Nodes, leases on them, and promises that are kept later."""

    def clock(self) -> float:
        """Seconds on a clock that only goes forward."""
        ...

    def nodes(self) -> Sequence[Node]:
        """The nodes that are alive."""
        ...

    def lease(self, node: Node, demand: Demand, plan: Plan) -> Lease:
        """A lease on a node, which begins as soon as nobody else uses it."""
        ...

    def kept(self, promises: Sequence[object], seconds: float) -> Sequence[object]:
        """The promises that are kept or broken, or equal ones; waits for the first, at most so long."""
        ...

    def result(self, promise: object) -> object:
        """The promised value. Raises Lost, or what was raised there."""
        ...


@dataclass
class Slot:
    """A leased node, and the promise of its start or of its task; None while it has nothing to do."""

    node: Node
    lease: Lease
    promise: object | None
    task: Task | None = None
    seconds: float = 0.0
    said: bool = False


class Farm:
    """Measures the groups of one plan on a cluster."""

    def __init__(self, cluster: Cluster, plan: Plan, listener: Listener) -> None:
        """Raises DlbenchError if no node of the cluster could measure."""
        self._cluster, self._plan, self._listener = cluster, plan, listener
        require(cluster, plan)
        self._demand = Demand.of(plan.specs, cluster.nodes())
        self._slots: dict[str, Slot] = {}
        self._tasks: deque[Task] = deque()
        self._more, self._alone, self._looked = True, 0.0, cluster.clock()
        self._given_up: set[str] = set()
        self._failures: Counter[str] = Counter()
        self._on_machine: dict[str, Node] = {}
        self._shared: set[str] = set()

    def measure(self, due: Iterator[Group | None], most: int) -> Iterator[Outcome]:
        """Yield each group with its Runs as soon as they are there; at most so many groups are due.

        Raises DlbenchError when no node is left.
        """
        try:
            self._take(due)
            while self._more or self._tasks or any(slot.task for slot in self._slots.values()):
                self._lease(most)
                self._deal(due)
                for slot, late in list(self._answered()):
                    if (outcome := self._late(slot) if late else self._outcome(slot)) is not None:
                        most -= 1
                        yield outcome
        finally:
            self._release(list(self._slots.values()))

    def _take(self, due: Iterator[Group | None]) -> bool:
        """Take the next group from the session; False if there is none now."""
        try:
            group = next(due)
        except StopIteration:
            self._more = False
            return False
        self._tasks += [] if group is None else [Task(group)]
        return group is not None

    def _lease(self, most: int) -> None:
        """Lease nodes while there are groups for them."""
        for node in self._cluster.nodes() if self._more or self._tasks else ():
            free = node.id not in self._slots and self._failures[node.id] < ATTEMPTS
            if free and self._demand.fits(node) and most > len(self._slots):
                lease = self._cluster.lease(node, self._demand, self._plan)
                self._slots[node.id] = Slot(node, lease, lease.ready())

    def _deal(self, due: Iterator[Group | None]) -> None:
        """Give each idle slot a group, and release those that will get none."""
        for slot in [slot for slot in self._slots.values() if slot.promise is None]:
            if self._tasks or (self._more and self._take(due)):
                slot.task, slot.seconds = self._tasks.popleft(), 0.0
                slot.promise = slot.lease.measure(slot.task.group)
        if not self._more and not self._tasks:
            self._release([slot for slot in self._slots.values() if slot.task is None])

    def _answered(self) -> Iterator[tuple[Slot, bool]]:
        """The slots with an answer, after a wait for the first; True for those that had none in their time."""
        waiting = [slot for slot in self._slots.values() if slot.promise is not None]
        kept = set(self._cluster.kept([slot.promise for slot in waiting], LOOK))
        now = self._cluster.clock()
        passed = min(now - self._looked, 2 * LOOK)  # a stop of this program is nobody's delay
        self._looked = now
        self._alone = 0.0 if self._slots else self._alone + passed
        if self._alone > STARTING:
            said = f"no node of the cluster is left that can measure ({described(self._cluster.nodes())})"
            raise DlbenchError(f"{said}; finished groups are kept: --resume goes on from there")
        for slot in waiting:
            slot.seconds += passed
            late = slot.promise not in kept and self._is_late(slot)
            if late or slot.promise in kept:
                yield slot, late

    def _is_late(self, slot: Slot) -> bool:
        """True for a group that is overdue, or a node that was given up and does not come back."""
        if slot.task is not None:
            return slot.seconds > self._allowed(slot.task.group)
        if slot.seconds > STARTING and not slot.said:
            slot.said = True
            self._listener.note(f"waiting for node {slot.node.name}: something else has its CPUs")
        return slot.seconds > STARTING and slot.node.id in self._given_up

    def _allowed(self, group: Group) -> float:
        """Seconds that a group may take: for each arm a pilot, its processes, and them again if a fork hangs.

        Workers that train together may start twice, and programs are beside them: several at a time, and one alone.
        """
        policy = self._plan.policy
        times = 1 + (policy.isolation == "fork")
        processes = sum(policy.discard + times * (4 if member.spec.together else 1) for member in group.members)
        return GRACE + processes * policy.timeout_seconds

    def _outcome(self, slot: Slot) -> Outcome | None:
        """The outcome of a slot with an answer; None if a group will be measured again, or there was none."""
        promise, slot.promise = slot.promise, None
        try:
            answer = self._cluster.result(promise)
        except Lost as error:
            return self._lost(slot, "crashed", f"the process that measured it was lost ({error})")
        if slot.task is None:
            if answer:
                raise DlbenchError(f"node {slot.node.name} {answer}")
            return None
        task, slot.task = slot.task, None
        assert isinstance(answer, list)
        self._say_shared(slot.node, {run.machine for run in answer} - {""})
        return task.group, [msgspec.structs.replace(run, attempt=task.attempt) for run in answer]

    def _say_shared(self, node: Node, machines: set[str]) -> None:
        """One line if another node that is alive is on the same machine: their groups disturb each other."""
        alive = self._cluster.nodes()
        for machine in machines:
            other = self._on_machine.setdefault(machine, node)
            if other != node and other in alive and machine not in self._shared:
                self._shared.add(machine)
                both = f"nodes {other.name} and {node.name} are on one machine and measure at the same time"
                self._listener.note(f"{both}, which changes what they measure; start Ray once on each machine")

    def _late(self, slot: Slot) -> Outcome | None:
        if slot.task is None:
            self._failures[slot.node.id] = ATTEMPTS
            self._listener.note(f"node {slot.node.name} does not come back and is left out")
            self._release([slot])
            return None
        self._given_up.add(slot.node.id)
        allowed = self._allowed(slot.task.group)
        return self._lost(slot, "timeout", f"not done within the {allowed:g} s that its group may take")

    def _lost(self, slot: Slot, status: StatusName, why: str) -> Outcome | None:
        """Let go of a node, and measure its group again unless it was lost before."""
        task = slot.task
        self._release([slot])
        if task is None:
            self._failures[slot.node.id] += 1
            alive = {node.id for node in self._cluster.nodes()}
            if self._failures[slot.node.id] >= ATTEMPTS and slot.node.id in alive:
                raise DlbenchError(f"nothing can be started on node {slot.node.name}: {why}")
            return None
        if task.attempt >= ATTEMPTS:
            reason = f"{why} on node {slot.node.name}, attempt {task.attempt} of {ATTEMPTS}"
            return task.group, runs_of_lost(self._plan, task, status, reason)
        self._listener.note(f"node {slot.node.name}: {why}; the group is measured once more")
        self._tasks.appendleft(task.again)
        return None

    def _release(self, slots: Sequence[Slot]) -> None:
        for slot in slots:
            self._slots.pop(slot.node.id, None)
            slot.lease.release()


def require(cluster: Cluster, plan: Plan) -> None:
    """Raise DlbenchError if no node of the cluster could measure this plan."""
    Demand.of(plan.specs, cluster.nodes()).require(cluster.nodes())


def on(cluster: Cluster) -> Measure:
    """Measuring on this cluster."""

    def measure(
        plan: Plan, listener: Listener, before: Sequence[Run], due: Iterator[Group | None]
    ) -> Iterator[Outcome]:
        done = {(workload(run.spec), run.group) for run in before}
        most = len(groups(plan.specs, plan.policy, plan.controls)) - len(done)
        return Farm(cluster, plan, listener).measure(due, most)

    return measure
