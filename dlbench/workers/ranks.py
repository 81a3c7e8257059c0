"""The other workers of data-parallel training, from the first one: dlbench drives that one, and they follow it.

Each is a child of the first worker, so that it ends when the first one does, and waits blocked on a pipe for what to
do. A sample of the first worker is one of all: their batches are ready before the clock starts, they begin when it
starts, and it stops when all are done.
"""

from __future__ import annotations

import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from dlbench.errors import DlbenchError
from dlbench.measure.timing import Clock, Sampler
from dlbench.plugin import Peers
from dlbench.record.processors import Rank
from dlbench.record.schema import PhaseMemory
from dlbench.spec import Spec, workers
from dlbench.spec.ranges import YEAR
from dlbench.system import cpus
from dlbench.workers.child import Child, ChildError, R, fresh_child
from dlbench.workers.patience import readable
from dlbench.workers.protocol import Build, Built, Follow, Followed

LOOPBACK, PORTS = "127.0.0.1", range(15_000, 32_000)
"""Ports below those that Linux gives to whoever asks for any: nobody gets one between its choice and its use."""
GRACE = 1.0
"""Seconds in which the first worker may find out by itself that another one has ended."""
PINGS, PART = 11, 100
"""Orders by which the time of a reply is known, and how many times as long a sample lasts: one ends in replies."""


class Steps(Protocol):
    """The model of the first worker (`dlbench.measure.model.MeasuredModel`)."""

    step: Callable[[], Any]

    def ready(self, calls: int) -> None:
        """Make batches ready."""
        ...

    def barrier(self, result: Any) -> None:
        """End a sample."""
        ...


class Ranks:
    """The workers from 1 on; `give_up` ends this process with their error, while it waits for them in an exchange."""

    def __init__(self, spec: Spec, give_up: Callable[[ChildError], object]) -> None:
        """Have them started; they load the plugin while this process does."""
        self._count, self._give_up = workers.count(spec), give_up
        self.peers = Peers(0, self._count, tuple(free_addresses(self._count)), tempfile.mkdtemp(prefix="dlbench-"))
        self._others: list[Child] = []
        self._builds = [self._build(spec, rank) for rank in range(1, self._count)]
        self._orders: list[Build | Follow] = list(self._builds)
        self._expected, self._due, self._stepping = False, 0, Follow(do="step")
        threading.Thread(target=self._watch, daemon=True, name="dlbench-ranks").start()

    def built_memory(self) -> list[list[PhaseMemory]]:
        """Memory of the others up to their models, which stand. Raises ChildError."""
        return [self._reply(at, order, Built).memory for at, order in enumerate(self._builds)]

    def sampler(self, model: Steps, clock: Clock, steps_per_call: int) -> Sampler:
        """Times the steps of all workers."""

        def ready(calls: int) -> None:
            order = self._tell(Follow(do="ready", calls=calls))
            model.ready(calls)
            self._hear(order)
            self._due = calls

        def step() -> Any:
            if self._due:
                self._stepping, self._due = self._tell(Follow(do="step", calls=self._due)), 0
            return model.step()

        def barrier(result: Any) -> None:
            model.barrier(result)
            self._hear(self._stepping)

        return Sampler(step, barrier, ready, clock, steps_per_call, PART * self._seconds_of_a_reply())

    def mark(self, phase: str) -> list[PhaseMemory]:
        """Memory of each of the others in the phase that ends here."""
        return [one.memory for one in self._hear(self._tell(Follow(do="mark", phase=phase))) if one.memory is not None]

    def read(self) -> list[Rank]:
        """Each of the others as it reads itself after the last step."""
        return [one.rank for one in self._hear(self._tell(Follow(do="read"))) if one.rank is not None]

    def leave(self, leave: Callable[[], object]) -> None:
        """End the group, all at the same time; the others live as long as this process, which may watch them."""
        order = self._tell(Follow(do="leave"))
        leave()
        self._hear(order)
        self._expected = True

    def cause(self, error: BaseException) -> BaseException:
        """The error, or the end of another worker that led to it: an exchange meets that as a lost connection."""
        self._expected = True
        if isinstance(error, DlbenchError):
            return error
        readable(self._ends(), GRACE)
        return self._lost() or error

    def _build(self, spec: Spec, rank: int) -> Build:
        child = fresh_child(spec.threads, YEAR)
        self._others.append(child)
        if hasattr(os, "sched_setaffinity"):
            machine = os.sched_getaffinity(os.getppid())  # the supervisor's: this process is held to its own part
            os.sched_setaffinity(child.process.pid, cpus.choose_apart(spec.threads, rank, machine))
        order = Build(spec=spec, peers=Peers(rank, self._count, self.peers.addresses, self.peers.folder))
        child.begin(order)
        return order

    def _tell(self, order: Follow) -> Follow:
        for at, child in enumerate(self._others):
            self._orders[at] = order
            child.begin(order)
        return order

    def _hear(self, order: Follow) -> list[Followed]:
        return [self._reply(at, order, Followed) for at in range(len(self._others))]

    def _reply(self, at: int, order: Build | Follow, kind: type[R]) -> R:
        try:
            return self._others[at].request(order, kind)
        except ChildError as error:
            self._expected = True
            raise self._lost(killed=True) or self._named(at, error) from error

    def _watch(self) -> None:
        """Wait for the end of one of the others: the first worker may be stuck in an exchange with it."""
        while not self._expected and not readable(self._ends(), 1.0):
            pass
        time.sleep(GRACE)
        if not self._expected and (error := self._lost()) is not None:
            self._give_up(error)

    def _ends(self) -> list[int]:
        return [child.process.ended for child in self._others if child.process.ended >= 0]

    def _lost(self, *, killed: bool = False) -> ChildError | None:
        """The error of a worker that has ended, first of one that was `killed`; None if there is none."""
        ended = [at for at, one in enumerate(self._others) if one.process.ended >= 0 and one.process.poll() is not None]
        codes = {at: self._others[at].process.poll() or 0 for at in ended}
        of_these = [at for at in ended if codes[at] < 0 or not killed]
        if not of_these:
            return None
        at = min(of_these, key=codes.__getitem__)
        try:
            self._others[at].request(self._orders[at], Followed)
        except ChildError as error:
            return self._named(at, error)
        return None

    def _named(self, at: int, error: ChildError) -> ChildError:
        sys.stderr.write(self._others[at].output_tail())
        return ChildError(error.status, f"worker {at + 1} of {self._count}: {error.reason}", loading=error.loading)

    def _seconds_of_a_reply(self) -> float:
        """Least seconds between an order to all of the others and the last reply."""

        def ping() -> float:
            start = time.perf_counter()
            self._hear(self._tell(Follow(do="ready")))
            return time.perf_counter() - start

        return min(ping() for _ in range(PINGS))


def free_addresses(count: int) -> Iterator[str]:
    """Addresses of the loopback interface at which nobody listens now."""
    chosen = random.sample(PORTS, len(PORTS))
    for port in chosen:
        with socket.socket() as probe:
            try:
                probe.bind((LOOPBACK, port))
            except OSError:
                continue
        yield f"{LOOPBACK}:{port}"
        count -= 1
        if not count:
            return
