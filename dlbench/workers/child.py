"""The parent's handle on a child: orders and replies, its time-out and its death, whatever kind of process it is."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from dlbench.errors import DlbenchError, redaction
from dlbench.record.flags import StatusName
from dlbench.workers import family
from dlbench.workers.patience import Patience
from dlbench.workers.process import Given, Limits, Reap, Supervised, limit_cores, limit_memory, oom_kills, start_program
from dlbench.workers.protocol import CUT_OFF, NO_MEMORY, Call, Failed, Request, Response, to_line, to_response

QUIET_PAUSE, QUIET_CAP = 0.001, 0.25
"""Seconds between two looks at a child's threads, and seconds to wait for them to stop at most.

The OpenMP threads of a child that has just stopped spin for some milliseconds more and would slow the next child down;
OpenBLAS's would for 0.1 s (`dlbench.workers.process.SPINNING`).
"""
DYING_SECONDS = 5.0
"""Longest time from closed replies to the end of a child; a core dump takes some time."""

LONGEST_REPLY = 64 << 20
"""Bytes of a reply that may be kept in memory; a real one has some hundred kilobytes at most."""
STRAY = "something in the child writes to the descriptor of its replies"

R = TypeVar("R", bound=Response)
StartWorker = Callable[[int, int, Given], Reap]
"""Starts a supervised worker that reads orders from one descriptor and writes replies to another."""


class ChildError(DlbenchError):
    """A child that failed, died or was too slow: the status and reason that its Run gets, without secrets."""

    def __init__(self, status: StatusName, reason: str, *, loading: bool = False, output: str = "") -> None:
        self.status, self.reason, self.loading = status, redaction.text(reason), loading
        self.output = redaction.text(output)
        super().__init__(self.reason)


class ChildHandle(Protocol):
    """A child as an arm sees it; tests give a scripted one."""

    def begin(self, *orders: Request) -> None:
        """Give orders whose replies are requested later, one after the other."""
        ...

    def request(self, order: Request, kind: type[R]) -> R:
        """Carry out an order. Raises ChildError."""
        ...

    def wait_until_idle(self) -> bool:
        """Wait until the child uses no CPU."""
        ...

    def helper_seconds(self) -> float | None:
        """CPU seconds of the processes that it started; None if nothing says."""
        ...

    def output_tail(self) -> str:
        """The end of its output."""
        ...

    def close(self) -> None:
        """End it."""
        ...


class Child:
    """One worker process; blocked on its orders, using no CPU, unless it carries one out.

    `timeout` counts the seconds that it spends on orders, all of them together; waiting for its turn is free.
    """

    def __init__(self, start: StartWorker, limits: Limits, timeout: float) -> None:
        """Have a worker started. Raises ChildError."""
        orders, self._orders = os.pipe()
        self._replies, replies = os.pipe()
        self._timeout, self._patience = timeout, Patience(timeout)
        self._pending, self._oom_kills = b"", oom_kills()
        self._begun: list[Request] = []
        try:
            self.process = Supervised(partial(start, orders, replies))
        except OSError as error:
            self._close_pipes()
            raise ChildError("crashed", f"no process could be started: {error}") from error
        finally:
            os.close(orders)
            os.close(replies)
        limit_cores(self.process.pid, limits.threads, limits.place)
        limit_memory(self.process.pid, limits.memory_bytes)

    def begin(self, *orders: Request) -> None:
        """Send orders without waiting; a child that is gone is met when the first reply is requested."""
        with contextlib.suppress(OSError):
            for order in orders:
                os.write(self._orders, to_line(order))
                self._begun.append(order)

    def request(self, order: Request, kind: type[R]) -> R:
        """Send an order, unless it has begun, and wait for the reply.

        Raises ChildError when it does not come, or says Failed.
        """
        try:
            reply = self._exchange(order)
        except ChildError:
            self.kill()
            raise
        if isinstance(reply, Failed):
            raise ChildError(reply.status, reply.reason, loading=reply.loading)
        if not isinstance(reply, kind):
            raise ChildError("error", f"the child answered {type(order).__name__} with {type(reply).__name__}")
        return reply

    def allow(self, seconds: float) -> None:
        """Let the orders that follow take this long, whatever those before took."""
        self._timeout, self._patience = seconds, Patience(seconds)

    def wait_until_idle(self) -> bool:
        """Return once two looks in a row found no thread running, of the child or of its descendants.

        False when that did not happen, or the system does not tell the state of a thread.
        """
        processes = family.below(self.process.supervisor)
        deadline, quiet_before = time.monotonic() + QUIET_CAP, False
        while time.monotonic() < deadline:
            quiet = family.all_quiet(processes)
            if quiet and quiet_before:
                return True
            quiet_before = quiet
            time.sleep(QUIET_PAUSE)
        return False

    def helper_seconds(self) -> float | None:
        """CPU seconds of the processes that the child started; None if the system does not say."""
        return family.helper_seconds(self.process.supervisor, self.process.pid)

    def output_tail(self) -> str:
        """The end of the output of the child and its framework; ends the child."""
        self.kill()
        return self.process.output.tail()

    def kill(self) -> None:
        """End the child and everything that it started."""
        self.process.kill()

    def close(self) -> None:
        """End the child if it lives, and let go of its pipes."""
        self.kill()
        self._close_pipes()

    def _close_pipes(self) -> None:
        for descriptor in (self._orders, self._replies):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _exchange(self, order: Request) -> Response:
        try:
            if self._begun[:1] == [order]:
                del self._begun[0]
            else:
                os.write(self._orders, to_line(order))
        except OSError as error:
            raise self._death() from error
        line = self._line(_named(order))
        try:
            return redaction.record(to_response(line))
        except msgspec.MsgspecError as error:
            raise ChildError("error", f"{STRAY}: {line[:200]!r} is no reply ({error})") from error

    def _line(self, order: str) -> bytes:
        """The next line of replies. The worker itself is watched too: others may hold its pipe."""
        while b"\n" not in self._pending:
            ready = self._patience.wait(self._replies, self.process.ended)
            if not ready:
                allowed = f"not done within the {self._timeout:g} s that a process may work"
                raise ChildError("timeout", f"{allowed} (last asked to {order}); give a longer --timeout")
            chunk = os.read(self._replies, 1 << 16) if self._replies in ready else b""
            if not chunk:
                raise self._death()
            self._pending += chunk
            if len(self._pending) > LONGEST_REPLY:
                raise ChildError("error", f"{STRAY}: {len(self._pending):,} bytes without an end of line")
        line, _, self._pending = self._pending.partition(b"\n")
        return line

    def _death(self) -> ChildError:
        code = self.process.exit_code(DYING_SECONDS)
        self.kill()
        if code is None or code == CUT_OFF:
            return ChildError("crashed", "the plugin closed the descriptors over which dlbench gives it orders")
        how = ending(code)
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return ChildError("out-of-memory", f"the child {how}: the kernel had no memory left for it")
        how += " (not by the kernel for want of memory)" if code == -signal.SIGKILL else ""
        if said := NO_MEMORY.search(self.process.output.tail()):
            return ChildError("out-of-memory", f"the child {how} after saying {said[0]!r}")
        return ChildError("crashed", f"the child {how}")


def fresh_child(
    threads: int, timeout: float, python: str = sys.executable, memory_bytes: int | None = None, place: int = 0
) -> Child:
    """A child that is a new interpreter, at its place among those that start at the same time."""

    def start(orders: int, replies: int, given: Given) -> Reap:
        command = [python, "-m", "dlbench.workers.worker", str(orders), str(replies)]
        return start_program(command, given, (orders, replies), threads)

    return Child(start, Limits(threads, memory_bytes, place), timeout)


def _named(order: Request) -> str:
    """The order in words: `build`, or the name of the function that is called."""
    if isinstance(order, Call):
        return order.function.rpartition(".")[2].replace("_", " ")
    words = {"First": "do the first step, which compiles", "Take": "take samples", "Settle": "settle"}
    return words.get(type(order).__name__, type(order).__name__.lower())


def ending(code: int) -> str:
    """End of a process, in words."""
    if code >= 0:
        return f"exited with code {code} in the middle of its work"
    known = {one.value: one.name for one in signal.Signals}
    return f"was ended by {known.get(-code, f'signal {-code}')}"
