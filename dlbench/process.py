"""A process of one's own, from outside: what it is given, what it may use, what it prints, how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from dlbench import cpus
from dlbench.errors import SpecError
from dlbench.guard import Guard
from dlbench.threads import VARIABLES

TAIL_BYTES = 2000
_PATIENCE = 1.0
"""Seconds to wait for the last output of a process that is gone: one that it started may hold the pipe open."""

GUARD = Guard()
SPINNING = {"OPENBLAS_THREAD_TIMEOUT": "24"}
"""OpenBLAS's idle threads sleep after 2^24 ticks of the processor's counter, 6.5 ms at 2.6 GHz, rather than 2^28.

The hand-over of a turn waits for that: a group of seven arms of a NumPy product on two threads took 20 s and takes 7.6.
Within a step they sleep only where it leaves them idle for so long, and wake in microseconds; pairs of processes that
took turns stepped as fast with either (`docs/method.md`).
"""


class Process(Protocol):
    """A running process that leads a process group; `orders` and `replies` are the descriptors of two pipes."""

    pid: int
    orders: int
    replies: int
    output: Output

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        ...

    def close(self) -> None:
        """Let go of its pipes."""
        ...


@dataclass(frozen=True)
class Limits:
    """What a process gets: CPU threads of numerical libraries, and bytes of memory or None for all there is."""

    threads: int
    memory_bytes: int | None = None

    def __post_init__(self) -> None:
        if self.memory_bytes is not None and not sys.platform.startswith("linux"):
            raise SpecError(f"a memory limit needs Linux, this is {sys.platform}; leave --memory-limit out")


class Output:
    """Keeps the end of what a process prints, however much that is; the process never waits, and no disk fills."""

    def __init__(self) -> None:
        self._source, self.descriptor = os.pipe()
        self._tail = b""
        self._reader = threading.Thread(target=self._drain, daemon=True, name="dlbench-output")
        self._reader.start()

    def handed_over(self) -> None:
        """The process holds the other end now."""
        os.close(self.descriptor)

    def tail(self) -> str:
        """The end of it; to be asked when the process is gone."""
        self._reader.join(_PATIENCE)
        return self._tail[-TAIL_BYTES:].decode("utf-8", "replace")

    def _drain(self) -> None:
        while chunk := os.read(self._source, 1 << 20):
            self._tail = (self._tail + chunk)[-TAIL_BYTES:]
        os.close(self._source)


class Fresh:
    """A new interpreter that runs a module of dlbench."""

    def __init__(self, limits: Limits, python: str = sys.executable) -> None:
        self.output = Output()
        self._popen = subprocess.Popen(
            [python, "-m", "dlbench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.output.descriptor,
            env=environment(os.environ, limits.threads),
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its children
        )
        self.output.handed_over()
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self.pid, self.orders, self.replies = self._popen.pid, self._popen.stdin.fileno(), self._popen.stdout.fileno()
        GUARD.watch(self.pid)
        limit_cores(self.pid, limits.threads)
        limit_memory(self.pid, limits.memory_bytes)

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it lives."""
        return self._popen.poll()

    def close(self) -> None:
        """Let go of its pipes."""
        for stream in (self._popen.stdin, self._popen.stdout):
            if stream is not None:
                with contextlib.suppress(OSError):
                    stream.close()


def environment(parent: Mapping[str, str], threads: int) -> dict[str, str]:
    """The parent's environment with one thread setting for every numerical library, and a fixed hash seed.

    The folder that dlbench was called in is no place to import from: two environments would find the same code there.
    A passive OpenMP wait policy is not set: it made a two-thread step 1.7 to 5.6 times slower. OpenBLAS's
    spinning is cut short (SPINNING) unless the parent's environment says how long it lasts.
    """
    fixed = {"PYTHONHASHSEED": "0", "PYTHONSAFEPATH": "1"}
    return {**SPINNING, **parent, **dict.fromkeys(VARIABLES, str(threads)), **fixed}


def limit_cores(pid: int, threads: int) -> None:
    """Hold a process that has no threads yet to as many processors, of those that this one may use, as it has threads.

    A framework that counts the processors and ignores every thread setting then starts as many threads as were asked
    for, and arms that take turns do so on the same processors. Outside Linux nobody can be held to them.
    """
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cpus.choose(threads, cpus.usable()))


def limit_memory(pid: int, limit: int | None) -> None:
    """Let a process have this many bytes of private writable memory: RLIMIT_DATA of getrlimit(2), Linux 4.7.

    Not RLIMIT_AS, which also counts what a framework reserves and never touches. The system sets it from outside, so
    that no plugin can come before it.
    """
    if limit is not None:
        import resource

        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def kill(process: Process) -> int:
    """End a process and everything that it started, and return its exit code."""
    GUARD.release(process.pid)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    while (code := process.poll()) is None:
        time.sleep(0.001)
    return code


def exit_code(process: Process, patience: float) -> int | None:
    """The exit code of a process that is about to end; None when it still lives after so many seconds."""
    deadline = time.monotonic() + patience
    while (code := process.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.001)
    return code


def oom_kills() -> int:
    """How often the kernel has ended a process for want of memory since it started (/proc/vmstat); 0 if unknown."""
    try:
        match = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
