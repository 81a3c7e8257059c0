"""One batch of processes, measured by dlbench: all arms in lockstep, or each by itself.

Children are forked by `dlbench.workers.backends` from a parent that has only imported the framework: they step as fast
as fresh ones and start at once, and a pool of hundreds of processes is then a matter of minutes. Workloads in `FRESH`,
whose forked processes step differently, get new ones.
"""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Callable
from contextlib import ExitStack

from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group, starting_order
from dlbench.session.plan import Place
from dlbench.spec import Isolation
from dlbench.system.load import LoadMeter
from dlbench.workers.backends import ForkServer
from dlbench.workers.child import Child, fresh_child
from dlbench.workers.process import Limits
from studies.decision_quality.planted import Planted
from studies.decision_quality.pool import Batch, Kind
from studies.decision_quality.workloads import FRESH, POLICY, SEQUENTIAL_SAMPLES, SLOWDOWNS, WORKLOADS

Start = Callable[[str, int, int], Planted]
"""Starts an arm by name, at a place among the arms that are alive together."""


class Bench:
    """A workload, with a warm parent that has loaded it unless it is in `FRESH`.

    Raises ChildError if the parent cannot load it.
    """

    def __init__(self, workload: str) -> None:
        begin = time.monotonic()
        self._workload, self._spec = workload, WORKLOADS[workload]
        limits, timeout = Limits(self._spec.threads), POLICY.timeout_seconds
        self._warm = None if workload in FRESH else ForkServer(self._spec, limits, timeout)
        self._isolation: Isolation = "fork" if self._warm else "fresh"
        self._import_seconds = time.monotonic() - begin

    def measure(self, kind: Kind, number: int, neighbours: int) -> Batch:
        """The batch of this number, which is also the seed of its order. Raises RuntimeError when an arm fails."""
        started, meter = datetime.datetime.now(datetime.UTC), LoadMeter()
        with ExitStack() as stack:

            def start(name: str, place: int, arms: int) -> Planted:
                begin = time.monotonic()
                where = Place("pool", number, number + 1, place, arms, self._isolation)
                arm = Arm(self._spec, POLICY, where, self._child)
                stack.callback(arm.kill)
                return Planted(name, SLOWDOWNS[name], arm, time.monotonic() - begin)

            measured = (_lockstep if kind == "lockstep" else _sequential)(start, number)
            return Batch(
                kind=kind,
                isolation=self._isolation,
                workload=self._workload,
                number=number,
                started=started.isoformat(timespec="seconds"),
                processes=[one.taken() for one in measured],
                load=meter.read(),
                import_seconds=round(self._import_seconds, 2),
                environment=measured[0].environment,
                neighbours=neighbours,
            )

    def close(self) -> None:
        """End the warm parent, if there is one."""
        if self._warm:
            self._warm.close()

    def _child(self) -> Child:
        return self._warm.fork() if self._warm else fresh_child(self._spec.threads, POLICY.timeout_seconds)


def _lockstep(start: Start, number: int) -> list[Planted]:
    """All arms alive together, started and taking turns as in any session of dlbench."""
    names = starting_order(list(SLOWDOWNS), number)
    arms = [start(name, place, len(names)) for place, name in enumerate(names)]
    measure_group(arms, POLICY.order_seed + number, lambda *_: None)
    return arms


def _sequential(start: Start, number: int) -> list[Planted]:
    """One process of each arm after the other, in a random order; nobody waits for anybody between samples."""
    names = random.Random(number).sample(list(SLOWDOWNS), len(SLOWDOWNS))
    return [_alone(start(name, 0, 1)) for name in names]


def _alone(arm: Planted) -> Planted:
    arm.build()
    arm.settle()
    for turn in range(SEQUENTIAL_SAMPLES):
        arm.turn(turn, turn)
    arm.close()
    return arm
