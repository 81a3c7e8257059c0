"""The process above a worker: it reports the worker's end, and clears away the processes that the worker left.

Nothing inside a worker can be relied upon for that: a plugin may loop for ever without Python ever running again. Run
by its path, so that it starts in milliseconds; it imports nothing of dlbench. A fork server calls `supervise` in a fork
of its own instead.

On Linux a supervisor is a sub-reaper (prctl(2), PR_SET_CHILD_SUBREAPER). A descendant whose parent has ended becomes
its child, whatever session or process group it is in. Only such children are killed: a child keeps its number until
somebody waits for it, so no other process is hit. Elsewhere the process group of the worker is ended.

Two pipes tie a supervisor to dlbench. The other end of `leash` is held by dlbench alone: its end of file means that the
worker must be ended, or that dlbench is gone. To `status` go one line with the numbers of supervisor and worker, and
one with the worker's exit code (negative for a signal). Its end of file says that nothing is left.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence

LINUX = sys.platform.startswith("linux")
PATIENCE = 10.0
"""Seconds in which killed processes must be gone; one in the middle of a system call can take longer."""
_SET_PARENT_DEATH_SIGNAL, _SET_CHILD_SUBREAPER = 1, 36
"""Options of prctl(2), from linux/prctl.h."""


def supervise(leash: int, status: int, kept: Sequence[int], work: Callable[[], None], folder: str = "") -> None:
    """Run `work` in a child that leads a session and alone keeps these descriptors; return at the end of all.

    Descendants of the worker that are left when it ends are killed, and then its folder of temporary files is removed.
    """
    signal.signal(signal.SIGCHLD, lambda *_: None)  # an ignored SIGCHLD, which is inherited, would lose the exit code
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    _control(_SET_CHILD_SUBREAPER, 1)
    worker = os.fork()
    if not worker:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        _become_worker([leash, status, woken, wake], work)
    for descriptor in kept:
        os.close(descriptor)
    _tell(status, f"{os.getpid()} {worker}")
    _tell(status, str(_exit_code(worker, leash, woken)))
    _end_children()
    remove(folder)


def remove(folder: str) -> None:
    """Remove a folder with all that it holds; a symbolic link in it, or in its place, is not followed."""
    if folder:
        import shutil

        shutil.rmtree(folder, ignore_errors=True)


def children(pid: int) -> list[int]:
    """Numbers of the children of a process (proc(5)); empty outside Linux and for a process that has ended."""
    found: list[int] = []
    try:
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208 (pathlib takes long to import)
            with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/children") as file:  # noqa: PTH123
                found += map(int, file.read().split())
    except OSError:
        return []
    return found


def _become_worker(inherited: list[int], work: Callable[[], None]) -> None:
    try:
        for descriptor in inherited:
            os.close(descriptor)
        os.setsid()  # a plugin that signals its own process group does not reach the supervisor
        _control(_SET_PARENT_DEATH_SIGNAL, signal.SIGKILL)
        work()
    finally:
        os._exit(127)  # as shells say of a program that could not be started


def _exit_code(worker: int, leash: int, woken: int) -> int:
    """Exit code of the worker, which is ended when the leash is let go; orphans are reaped meanwhile."""
    while True:
        ready = select.select([leash, woken], [], [])[0]
        if leash in ready:
            with contextlib.suppress(OSError):
                os.killpg(worker, signal.SIGKILL)
            return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
        os.read(woken, 4096)
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            if ended[0] == worker:
                _end_group(worker)
                return os.waitstatus_to_exitcode(ended[1])


def _end_group(worker: int) -> None:
    """The portable way, for systems without a sub-reaper."""
    if not LINUX:
        with contextlib.suppress(OSError):
            os.killpg(worker, signal.SIGKILL)


def _end_children() -> None:
    """Kill the children, and those that become children by it, until there is none."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        for child in children(os.getpid()):
            with contextlib.suppress(OSError):
                os.kill(child, signal.SIGKILL)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def _control(option: int, value: int) -> None:
    """One call of prctl(2), on Linux."""
    if LINUX:
        import ctypes

        ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _tell(status: int, line: str) -> None:
    with contextlib.suppress(OSError):  # dlbench may be gone
        os.write(status, f"{line}\n".encode())


def _run(command: list[str]) -> None:
    """Become this program."""
    try:
        os.execvp(command[0], command)  # noqa: S606
    except OSError as error:
        sys.stderr.write(f"{command[0]} cannot be started: {error.strerror}\n")
        sys.stderr.flush()


if __name__ == "__main__":
    _leash, _status, _kept, _folder, *_command = sys.argv[1:]
    supervise(int(_leash), int(_status), [*map(int, _kept.split(","))], lambda: _run(_command), _folder)
