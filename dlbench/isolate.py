"""The parent's handle on a child: orders and replies, its time-out and its death, whatever kind of process it is."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from dlbench.errors import DlbenchError
from dlbench.orders import NO_MEMORY, DeviceList, Devices, Failed, Order, Reply, to_line, to_reply
from dlbench.process import Fresh, Limits, Process, exit_code, kill, oom_kills
from dlbench.record import Status

QUIET_PAUSE, QUIET_CAP = 0.002, 0.25
"""Seconds between two looks at a child's threads, and seconds to wait for them to stop at most.

The OpenMP threads of a child that has just stopped spin for some milliseconds more and would slow the next child down;
OpenBLAS's would for 0.1 s (`dlbench.process.SPINNING`).
"""
DYING_SECONDS = 5.0
"""How long a child that has closed its replies may take to end; a core dump takes some time."""

R = TypeVar("R", bound=Reply)


class ChildError(DlbenchError):
    """A child that failed, died or was too slow: the status and reason that its Run gets."""

    def __init__(self, status: Status, reason: str, *, loading: bool = False, output: str = "") -> None:
        super().__init__(reason)
        self.status, self.reason, self.loading, self.output = status, reason, loading, output


class Child:
    """One worker process; blocked on its input, using no CPU, unless it carries out an order.

    `timeout` counts the seconds that it spends on orders, all of them together; waiting for its turn is free.
    """

    def __init__(self, process: Process, timeout: float) -> None:
        self._process, self._timeout, self._left = process, timeout, timeout
        self._pending, self._oom_kills, self._ended = b"", oom_kills(), False

    def obey(self, order: Order, kind: type[R]) -> R:
        """Send an order and wait for the reply. Raises ChildError when it does not come, or says Failed."""
        begin = time.monotonic()
        try:
            reply = self._exchange(order)
        except ChildError:
            self.kill()
            raise
        finally:
            self._left -= time.monotonic() - begin
        if isinstance(reply, Failed):
            raise ChildError(reply.status, reply.reason, loading=reply.loading)
        if not isinstance(reply, kind):
            raise ChildError("error", f"the child answered {type(order).__name__} with {type(reply).__name__}")
        return reply

    def allow(self, seconds: float) -> None:
        """Let the orders that follow take this long, whatever those before took."""
        self._timeout = self._left = seconds

    def quieten(self) -> bool:
        """Return once two looks in a row found no thread of the child running; False when that did not come about.

        Also False where the system does not tell the state of a thread.
        """
        deadline, quiet_before = time.monotonic() + QUIET_CAP, False
        while time.monotonic() < deadline:
            time.sleep(QUIET_PAUSE)
            quiet = self._is_quiet()
            if quiet and quiet_before:
                return True
            quiet_before = quiet
        return False

    def output_tail(self) -> str:
        """The end of what the child and its framework printed; ends the child."""
        self.kill()
        return self._process.output.tail()

    def kill(self) -> None:
        """End the child and everything that it started; once, for its number may be another's afterwards."""
        if not self._ended:
            self._ended = True
            kill(self._process)

    def close(self) -> None:
        """End the child if it lives, and let go of its pipes."""
        self.kill()
        self._process.close()

    def _exchange(self, order: Order) -> Reply:
        try:
            os.write(self._process.orders, to_line(order))
        except OSError as error:
            raise self._death() from error
        return self._read_reply(type(order).__name__.lower())

    def _read_reply(self, order: str) -> Reply:
        deadline, descriptor = time.monotonic() + self._left, self._process.replies
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                allowed = f"not done within the {self._timeout:g} s that a process may work"
                raise ChildError("timeout", f"{allowed} (last asked to {order}); give a longer --timeout")
            chunk = os.read(descriptor, 1 << 16)
            if not chunk:
                raise self._death()
            self._pending += chunk
        line, _, self._pending = self._pending.partition(b"\n")
        try:
            return to_reply(line)
        except msgspec.MsgspecError as error:
            raise ChildError("error", f"the child answered {line[:200]!r}: {error}") from error

    def _death(self) -> ChildError:
        code = exit_code(self._process, DYING_SECONDS)
        self.kill()
        if code is None:
            return ChildError("crashed", "the child closed its pipes and went on; it was ended")
        how = ending(code)
        if code == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return ChildError("out-of-memory", f"the child {how}: the kernel had no memory left for it")
        how += " (not by the kernel for want of memory)" if code == -signal.SIGKILL else ""
        if said := NO_MEMORY.search(self._process.output.tail()):
            return ChildError("out-of-memory", f"the child {how} after saying {said[0]!r}")
        return ChildError("crashed", f"the child {how}")

    def _is_quiet(self) -> bool:
        states = {_thread_state(task) for task in Path(f"/proc/{self._process.pid}/task").glob("*")}
        return bool(states) and "R" not in states


def fresh_child(threads: int, timeout: float, python: str = sys.executable, memory_bytes: int | None = None) -> Child:
    """A child that is a new interpreter."""
    return Child(Fresh(Limits(threads, memory_bytes), python), timeout)


def ask_devices(plugin: str, timeout: float = 120.0) -> dict[str, str]:
    """The devices that a plugin's framework sees here, asked in a child. Raises ChildError."""
    child = fresh_child(1, timeout)
    try:
        return child.obey(Devices(plugin=plugin), DeviceList).devices
    finally:
        child.close()


def ending(code: int) -> str:
    """How a process ended, in words."""
    if code >= 0:
        return f"exited with code {code} in the middle of its work"
    known = {one.value: one.name for one in signal.Signals}
    return f"was ended by {known.get(-code, f'signal {-code}')}"


def _thread_state(task: Path) -> str:
    """One letter, `R` for running or ready to run (proc(5), /proc/pid/stat); empty for a thread that has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""
