"""The parent's handle on a child: a fresh interpreter that obeys orders, its time-out and its death."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from dlbench.errors import DlbenchError
from dlbench.orders import DeviceList, Devices, Failed, Order, Reply, to_line, to_reply
from dlbench.record import Status

TAIL_BYTES = 2000
QUIET_PAUSE, QUIET_CAP = 0.002, 0.25
"""Seconds between two looks at a child's threads, and seconds to wait for them to stop at most.

The OpenMP threads of a child that has just stopped spin for some milliseconds more and would slow the next child down.
"""

R = TypeVar("R", bound=Reply)


class ChildError(DlbenchError):
    """A child that failed, died or was too slow: the status and reason that its Run gets."""

    def __init__(self, status: Status, reason: str, *, loading: bool = False) -> None:
        super().__init__(reason)
        self.status, self.reason, self.loading = status, reason, loading


class Child:
    """One worker process; blocked on its input, using no CPU, unless it carries out an order."""

    def __init__(self, threads: int, timeout: float, python: str = sys.executable) -> None:
        self._timeout, self._pending = timeout, b""
        self._output = tempfile.TemporaryFile()  # noqa: SIM115 (closed in close)
        self._process = subprocess.Popen(
            [python, "-m", "dlbench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            env=child_environment(os.environ, threads),
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its children
        )

    def obey(self, order: Order, kind: type[R]) -> R:
        """Send an order and wait for the reply. Raises ChildError when it does not come, or says Failed."""
        try:
            reply = self._exchange(to_line(order))
        except ChildError:
            self.kill()
            raise
        if isinstance(reply, Failed):
            raise ChildError(reply.status, reply.reason, loading=reply.loading)
        if not isinstance(reply, kind):
            raise ChildError("error", f"the child answered {type(order).__name__} with {type(reply).__name__}")
        return reply

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
        """The end of what the child and its framework printed."""
        size = self._output.seek(0, os.SEEK_END)
        self._output.seek(max(0, size - TAIL_BYTES))
        return self._output.read().decode("utf-8", "replace")

    def kill(self) -> None:
        """End the child and everything that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the child if it lives, and let go of its pipes and output."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._output):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()

    def _exchange(self, line: bytes) -> Reply:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except OSError as error:
            raise self._death() from error
        return self._read_reply()

    def _read_reply(self) -> Reply:
        assert self._process.stdout is not None
        deadline, descriptor = time.monotonic() + self._timeout, self._process.stdout.fileno()
        while b"\n" not in self._pending:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise ChildError("timeout", f"no answer within {self._timeout:g} s; give a longer --timeout")
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
        code = self._process.wait()
        if code >= 0:
            return ChildError("crashed", f"the child exited with code {code} in the middle of its work")
        name = signal.Signals(-code).name
        hint = " (often the kernel's answer to too little memory)" if name == "SIGKILL" else ""
        return ChildError("crashed", f"the child was ended by {name}{hint}")

    def _is_quiet(self) -> bool:
        states = {_thread_state(task) for task in Path(f"/proc/{self._process.pid}/task").glob("*")}
        return bool(states) and "R" not in states


def child_environment(parent: os._Environ[str] | dict[str, str], threads: int) -> dict[str, str]:
    """The parent's environment with one thread setting for every numerical library, and a fixed hash seed.

    A passive OpenMP wait policy is not set: it made a two-thread step 1.7 to 5.6 times slower.
    """
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return {**parent, **dict.fromkeys(names, str(threads)), "PYTHONHASHSEED": "0"}


def _thread_state(task: Path) -> str:
    """One letter, `R` for running or ready to run (proc(5), /proc/pid/stat); empty for a thread that has ended."""
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def ask_devices(plugin: str, timeout: float = 120.0) -> dict[str, str]:
    """The devices that a plugin's framework sees here, asked in a child. Raises ChildError."""
    child = Child(threads=1, timeout=timeout)
    try:
        return child.obey(Devices(plugin=plugin), DeviceList).devices
    finally:
        child.close()
