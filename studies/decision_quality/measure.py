"""One batch of processes, measured by dlbench: all arms in lockstep, or each by itself.

Processes are those of `dlbench run --adaptive`: new interpreters of the same policy. Every twelve groups a session
begins anew: a pilot process is thrown away, and three groups are measured in full. The children of the others start at
the same time.
"""

from __future__ import annotations

import datetime
import random
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial

from dlbench.session.arm import Arm
from dlbench.session.lockstep import measure_group, starting_order
from dlbench.session.pilot import PilotProcesses
from dlbench.session.plan import IN_FULL, Place
from dlbench.system.load import LoadMeter
from dlbench.workers.backends import Starter
from studies.decision_quality.planted import Planted
from studies.decision_quality.pool import Batch, Kind
from studies.decision_quality.workloads import CYCLE, POLICY, SEQUENTIAL_SAMPLES, SLOWDOWNS, WORKLOADS

Start = Callable[[str, int, int], Planted]
"""Starts an arm by name, at a place among the arms that are alive together."""


class Bench:
    """A workload and the starter of its processes."""

    def __init__(self, workload: str, arms: Sequence[str] = tuple(SLOWDOWNS)) -> None:
        self._workload, self._spec, self._starter = workload, WORKLOADS[workload], Starter()
        self._arms = list(arms)

    def measure(
        self, kind: Kind, number: int, neighbours: int = 0, duty: float = 0.5, rounds: int | None = None
    ) -> Batch:
        """The batch of this number, which is also the seed of its order; `rounds` are None for those of the policy.

        Raises RuntimeError when an arm fails.
        """
        started, meter = datetime.datetime.now(datetime.UTC), LoadMeter()
        group = number % CYCLE if kind == "lockstep" else None
        with ExitStack() as stack:
            pilot_seconds = self._pilot() if group == 0 else 0.0

            def start(name: str, place: int, arms: int) -> Planted:
                begin = time.monotonic()
                arm = self._arm(IN_FULL if group is None else group, place, arms, rounds)
                stack.callback(arm.kill)
                return Planted(name, SLOWDOWNS[name], arm, time.monotonic() - begin)

            measured = (_lockstep if kind == "lockstep" else _sequential)(start, self._arms, number)
            return Batch(
                kind=kind,
                isolation=POLICY.isolation,
                policy=POLICY,
                group=group,
                pilot_seconds=round(pilot_seconds, 3),
                workload=self._workload,
                number=number,
                started=started.isoformat(timespec="seconds"),
                processes=[one.taken() for one in measured],
                load=meter.read(),
                import_seconds=0.0,
                environment=measured[0].environment,
                neighbours=neighbours,
                duty=duty,
            )

    def _arm(self, group: int, place: int, arms: int, rounds: int | None) -> Arm:
        where = Place("pool", group, CYCLE, place, arms, POLICY.isolation)
        apart = (place,) if where.starts_beside(POLICY) else ()
        start = partial(self._starter, self._spec, POLICY, *apart)
        return Arm(self._spec, POLICY, where, start, rounds=rounds)

    def _pilot(self) -> float:
        """Seconds of a process that is thrown away, as before the first group of a session."""
        begin = time.monotonic()
        PilotProcesses().measure([self._spec], lambda spec, place: self._starter(spec, POLICY, place))
        return time.monotonic() - begin


def _lockstep(start: Start, arms: Sequence[str], number: int) -> list[Planted]:
    """All arms alive together, started and taking turns as in any session of dlbench."""
    names = starting_order(list(arms), number)
    started = [start(name, place, len(names)) for place, name in enumerate(names)]
    measure_group(started, POLICY.order_seed + number, lambda *_: None)
    return started


def _sequential(start: Start, arms: Sequence[str], number: int) -> list[Planted]:
    """One process of each arm after the other, in a random order; nobody waits for anybody between samples."""
    names = random.Random(number).sample(list(arms), len(arms))
    return [_alone(start(name, 0, 1)) for name in names]


def _alone(arm: Planted) -> Planted:
    arm.build()
    arm.settle()
    for turn in range(SEQUENTIAL_SAMPLES):
        arm.turn(turn, turn)
    arm.close()
    return arm
