"""A parent that has imported a framework, run nothing with it, and forks the children that are measured.

Run as `python -m studies.decision_quality.warm WORKLOAD`: a request a line, a batch a line. Forked children step as
fast as fresh ones and start at once; a pool of hundreds of processes is then a matter of minutes.
"""

from __future__ import annotations

import datetime
import os
import random
import signal
import sys
import time
from typing import NoReturn

import msgspec

from dlbench import environment, registry, worker
from dlbench.arm import Arm, Place
from dlbench.isolate import Child
from dlbench.lockstep import measure_group
from dlbench.process import Output
from dlbench.spec import Spec
from studies.decision_quality.planted import Planted
from studies.decision_quality.pool import Batch, Kind, Taken
from studies.decision_quality.workloads import POLICY, SEQUENTIAL_SAMPLES, SLOWDOWNS, WORKLOADS


class Request(msgspec.Struct, frozen=True):
    """A group in lockstep or a row of single processes, the seed of its order, and how many neighbours there are."""

    kind: Kind
    number: int
    neighbours: int = 0


class Forked:
    """A process that runs dlbench's worker after a fork of this one."""

    def __init__(self) -> None:
        self.output = Output()
        orders, self.orders = os.pipe()
        self.replies, replies = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            _work(orders, replies, self.output.descriptor)
        self.output.handed_over()
        os.close(orders)
        os.close(replies)
        self._code: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        if self._code is None:
            ended, status = os.waitpid(self.pid, os.WNOHANG)
            self._code = os.waitstatus_to_exitcode(status) if ended else None
        return self._code

    def close(self) -> None:
        """Let go of its pipes."""
        os.close(self.orders)
        os.close(self.replies)


def _work(orders: int, replies: int, output: int) -> NoReturn:
    """Become a worker of dlbench: it reads orders from standard input and never returns."""
    os.setsid()
    for source, target in ((orders, 0), (replies, 1), (output, 2)):
        os.dup2(source, target)
    os.closerange(3, 256)
    sys.stdin = os.fdopen(0, "r")
    worker.main()
    os._exit(1)


def lockstep(spec: Spec, number: int) -> list[Taken]:
    """All arms alive together, taking turns as in any session of dlbench; started in an order that alternates."""
    arms = list(SLOWDOWNS)[:: 1 if number % 2 == 0 else -1]
    planted = [_planted(spec, name, number, place, len(arms)) for place, name in enumerate(arms)]
    try:
        measure_group([each for each, _ in planted], POLICY.order_seed + number, lambda *_: None)
        return [each.taken() for each, _ in planted]
    finally:
        for _, arm in planted:
            arm.abandon()


def sequential(spec: Spec, number: int) -> list[Taken]:
    """One process of each arm after the other, in a random order; nobody waits for anybody between samples."""
    order = random.Random(number).sample(list(SLOWDOWNS), len(SLOWDOWNS))  # noqa: S311 (an order needs no secrecy)
    return [_alone(spec, name, number) for name in order]


def _alone(spec: Spec, name: str, number: int) -> Taken:
    planted, arm = _planted(spec, name, number, 0, 1)
    try:
        planted.build()
        planted.settle()
        for turn in range(SEQUENTIAL_SAMPLES):
            planted.turn(turn, turn)
        planted.close()
        return planted.taken()
    finally:
        arm.abandon()


def _planted(spec: Spec, name: str, number: int, place: int, arms: int) -> tuple[Planted, Arm]:
    begin = time.monotonic()
    arm = Arm(
        spec, POLICY, Place("pool", number, number + 1, place, arms), lambda: Child(Forked(), POLICY.timeout_seconds)
    )
    return Planted(name, SLOWDOWNS[name], arm, time.monotonic() - begin), arm


def main() -> None:
    """Import, then answer until the end of the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    name = sys.argv[1]
    spec, begin = WORKLOADS[name], time.monotonic()
    registry.load(spec.plugin)
    imported = time.monotonic() - begin
    for line in sys.stdin.buffer:
        request = msgspec.json.decode(line, type=Request)
        started, meter = datetime.datetime.now(datetime.UTC), environment.LoadMeter()
        batch = Batch(
            kind=request.kind,
            workload=name,
            number=request.number,
            started=started.isoformat(timespec="seconds"),
            processes=(lockstep if request.kind == "lockstep" else sequential)(spec, request.number),
            load=meter.read(),
            import_seconds=round(imported, 2),
            neighbours=request.neighbours,
            environment=environment.describe(spec.framework, PACKAGES[spec.framework]),
        )
        sys.stdout.buffer.write(msgspec.json.encode(batch) + b"\n")
        sys.stdout.buffer.flush()


PACKAGES = {"tf": ("tensorflow",), "torch": ("torch",), "study": ()}

if __name__ == "__main__":
    main()
