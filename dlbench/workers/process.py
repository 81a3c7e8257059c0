"""A supervised process from outside: its limits, its output, its end."""

from __future__ import annotations

import contextlib
import errno
import math
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from dlbench.errors import SpecError, redaction, words
from dlbench.system import cpus
from dlbench.workers import family, supervisor
from dlbench.workers.child_environment import child_environment
from dlbench.workers.patience import Patience, readable

TAIL_BYTES = 2000
_PATIENCE = 1.0
"""Seconds to wait for the last output of a process that is gone: one that it started may hold the pipe open."""

ENDING_SECONDS = 2 * supervisor.PATIENCE
"""Longest time for a supervisor to end everything."""


@dataclass(frozen=True)
class Limits:
    """Limits of a process: CPU threads of numerical libraries, and bytes of memory or None for all there is."""

    threads: int
    memory_bytes: int | None = None
    place: int = 0
    """Among processes that start at the same time, each on processors of its own while there are any."""

    def __post_init__(self) -> None:
        if self.memory_bytes is not None and not sys.platform.startswith("linux"):
            raise SpecError(f"a memory limit needs Linux, this is {sys.platform}; leave --memory-limit out")
        if self.memory_bytes is not None and self.memory_bytes > (allowed := _most_memory()):
            raise SpecError(
                f"memory limit is {self.memory_bytes} bytes: this user's processes may have {allowed} bytes "
                "(ulimit -H -d); give no more, or leave --memory-limit out"
            )


class Given(NamedTuple):
    """Descriptors that a supervisor gets: two that tie it to dlbench, and two for its and its worker's output."""

    leash: int
    status: int
    output: int


Reap = Callable[[], object]
"""Waits for a supervisor that has ended, so that it leaves no zombie."""
Start = Callable[[Given], Reap]
"""Starts a supervisor. Raises OSError."""


class Output:
    """Keeps the end of a process's output of any length; the process never waits, and no disk fills."""

    def __init__(self) -> None:
        self._source, self.descriptor = os.pipe()
        self._tail = b""
        self._reader = threading.Thread(target=self._drain, daemon=True, name="dlbench-output")
        self._reader.start()

    def handed_over(self) -> None:
        """The process holds the other end now."""
        os.close(self.descriptor)

    def tail(self) -> str:
        """The end of it, without secrets; to be asked when the process is gone."""
        self._reader.join(_PATIENCE)
        return words.bounded(redaction.text(self._tail.decode("utf-8", "replace"))[-TAIL_BYTES:])

    def _drain(self) -> None:
        while chunk := os.read(self._source, 1 << 20):
            self._tail = (self._tail + chunk)[-2 * TAIL_BYTES :]  # a secret that is cut in half is not recognised
        os.close(self._source)


class Supervised:
    """A worker and the supervisor above it, from outside.

    `ended` can be read as soon as the worker has ended, whoever else holds its pipes.
    """

    def __init__(self, start: Start) -> None:
        """Have a supervisor started. Raises OSError when that is not possible."""
        self.output, self._said = Output(), b""
        leash, self._leash = os.pipe()
        self.ended, status = os.pipe()
        try:
            self._reap = start(Given(leash, status, self.output.descriptor))
        except OSError:
            self._close()
            raise
        finally:
            self.output.handed_over()
            os.close(leash)
            os.close(status)
        self.supervisor, self.pid = self._numbers()

    def poll(self) -> int | None:
        """The worker's exit code, negative for a signal; None while it lives."""
        while self.ended >= 0 and self._said.count(b"\n") < 2 and readable([self.ended], 0.0):
            if not self._listen():
                return -signal.SIGKILL  # the supervisor was killed, and its worker with it
        lines = self._said.split(b"\n")
        return int(lines[1]) if len(lines) > 2 else None

    def exit_code(self, seconds: float) -> int | None:
        """The exit code of a worker that is about to end; None when it still lives after `seconds`."""
        patience = Patience(seconds)
        while (code := self.poll()) is None and patience.wait(self.ended):
            pass
        return code

    def kill(self) -> None:
        """End the worker and everything that it started, and let go of its supervisor; once."""
        if self._leash >= 0:
            os.close(self._leash)
            self._leash = -1
            patience = Patience(ENDING_SECONDS)
            while patience.wait(self.ended):
                if not self._listen():
                    break
            else:
                self._kill_by_number()
            os.close(self.ended)
            self.ended = -1
            self._reap()

    def _numbers(self) -> tuple[int, int]:
        """Numbers of supervisor and worker. Raises OSError when the supervisor ends before it has reported them."""
        while b"\n" not in self._said:
            if not self._listen():
                self._close()
                self._reap()
                raise OSError(errno.ECHILD, f"its supervisor ended at once: {self.output.tail().strip()}")
        supervisor, worker = self._said.split()[:2]
        return int(supervisor), int(worker)

    def _listen(self) -> bytes:
        said = os.read(self.ended, 4096)
        self._said += said
        return said

    def _kill_by_number(self) -> None:
        """End all of them if the supervisor does not, as when a plugin has stopped it."""
        for pid in (*family.below(self.supervisor), self.supervisor):
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def _close(self) -> None:
        os.close(self._leash)
        os.close(self.ended)
        self._leash = -1


def start_program(command: Sequence[str], given: Given, passed: Sequence[int], threads: int) -> Reap:
    """Start a supervisor of a Python program that inherits these descriptors and has an empty standard input.

    The program has a folder for temporary files that nobody else has, empty at first and removed at its end. Whatever a
    framework keeps there, compiled code above all, is not there when the next program starts.
    """
    kept, folder = ",".join(map(str, passed)), _temporary_folder()
    try:
        ties = str(given.leash), str(given.status), kept
        popen = subprocess.Popen(
            [sys.executable, "-I", "-S", supervisor.__file__, *ties, folder, *command],
            stdin=subprocess.DEVNULL,
            stdout=given.output,
            stderr=given.output,
            pass_fds=(given.leash, given.status, *passed),
            env={**child_environment(os.environ, threads), "TMPDIR": folder},
            start_new_session=True,  # Ctrl-C reaches the parent alone, which then ends its children
        )
    except OSError:
        supervisor.remove(folder)
        raise

    def reap() -> None:
        if popen.wait() != 0:  # it was killed, and could not do it
            supervisor.remove(folder)

    return reap


def _temporary_folder() -> str:
    """A new folder of a random name, which only this user may enter. Raises OSError."""
    try:
        return tempfile.mkdtemp(prefix="dlbench-")
    except OSError as error:
        why = f"no temporary folder can be made ({error.strerror}); set TMPDIR to a folder with free space"
        raise OSError(error.errno, why) from error


def limit_cores(pid: int, threads: int, place: int = 0) -> None:
    """Confine a process that has no threads yet to `threads` of the processors that this one may use.

    A framework that counts the processors and ignores every thread setting then starts the requested number of threads,
    and arms take turns on the same processors. Outside Linux nobody can be held to them.
    """
    if hasattr(os, "sched_setaffinity"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(pid, cpus.choose_apart(threads, place, cpus.usable()))


def limit_memory(pid: int, limit: int | None) -> None:
    """Let a process have this many bytes of private writable memory: RLIMIT_DATA of getrlimit(2), Linux 4.7.

    Not RLIMIT_AS, which also counts memory that a framework reserves and never touches. The system sets it from
    outside, so that no plugin can come before it.
    """
    if limit is not None:
        import resource

        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def _most_memory() -> float:
    """Bytes to which a memory limit can be set: the hard limit of this process; infinite for root, who may raise it."""
    import resource

    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    return math.inf if hard == resource.RLIM_INFINITY or os.geteuid() == 0 else hard


def oom_kills() -> int:
    """Number of processes that the kernel has ended for want of memory since boot (/proc/vmstat); 0 if unknown."""
    try:
        match = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(match[1]) if match else 0
