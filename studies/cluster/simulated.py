"""A cluster in virtual time: nodes that take a number of seconds for a group, and that can be lost or frozen."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from dlbench.record.schema import Plan, Run
from dlbench.session.cluster.demand import Demand, Node
from dlbench.session.cluster.farm import Lost
from dlbench.session.plan import Group

STARTUP = 1.0
"""Virtual seconds from a lease to a process that is ready."""

Measured = Callable[[Plan, Group, Node], "list[Run]"]


@dataclass(frozen=True)
class Promise:
    """A value from a moment on: infinite for a node that is frozen. Its number tells it from all others."""

    at: float
    value: Callable[[], object]
    number: int = field(default_factory=itertools.count().__next__)


@dataclass(eq=False)
class SimulatedLease:
    """A lease on a node."""

    cluster: SimulatedCluster
    node: Node
    plan: Plan
    held: bool = True

    def ready(self) -> Promise:
        """Ready after the seconds of a start."""
        return self._promise(STARTUP, lambda: self.cluster.fault)

    def measure(self, group: Group) -> Promise:
        """The Runs of a group after its seconds."""
        seconds = self.cluster.seconds(group, self.node)
        begin = self.cluster.now
        self.cluster.measured.append((self.node.id, begin, begin + seconds, group))
        return self._promise(seconds, lambda: self.cluster.runs(self.plan, group, self.node))

    def release(self) -> None:
        """Give the node back."""
        self.held = False

    def _promise(self, seconds: float, value: Callable[[], object]) -> Promise:
        node, cluster = self.node, self.cluster
        ends = cluster.now + seconds
        if cluster.lost_at.get(node.id, math.inf) <= ends:
            return Promise(max(cluster.now, cluster.lost_at[node.id]), _raise_lost)
        return Promise(math.inf if node.id in cluster.frozen else ends, value)


@dataclass(eq=False)
class SimulatedCluster:
    """Nodes with their faults; `measured` lists node, begin, end and group of all that was begun."""

    all_nodes: Sequence[Node]
    seconds: Callable[[Group, Node], float]
    runs: Measured
    lost_at: dict[str, float] = field(default_factory=dict)
    frozen: set[str] = field(default_factory=set)
    fault: str = ""
    now: float = 0.0
    measured: list[tuple[str, float, float, Group]] = field(default_factory=list)
    leases: list[SimulatedLease] = field(default_factory=list)

    def clock(self) -> float:
        """Virtual seconds."""
        return self.now

    def nodes(self) -> Sequence[Node]:
        """The nodes that are not lost."""
        return [node for node in self.all_nodes if self.lost_at.get(node.id, math.inf) > self.now]

    def lease(self, node: Node, demand: Demand, plan: Plan) -> SimulatedLease:
        """A lease; a node has one at a time."""
        assert demand.fits(node)
        assert not any(lease.held and lease.node == node for lease in self.leases), "leased twice"
        self.leases = [lease for lease in self.leases if lease.held]
        self.leases.append(SimulatedLease(self, node, plan))
        return self.leases[-1]

    def kept(self, promises: Sequence[object], seconds: float) -> Sequence[object]:
        """Go on to the moment at which the first is kept, or by these seconds.

        Returns new, equal promises, as Ray's client does.
        """
        found = [promise for promise in promises if isinstance(promise, Promise)]
        until = min((promise.at for promise in found), default=math.inf)
        self.now = max(self.now, min(until, self.now + seconds))
        return [replace(promise) for promise in found if promise.at <= self.now]

    def result(self, promise: object) -> object:
        """The value, or Lost."""
        assert isinstance(promise, Promise)
        return promise.value()


def _raise_lost() -> object:
    raise Lost("the node died")
