"""Processes below a supervisor, seen from dlbench: their activity, and the CPU time of processes that a plugin started.

From proc(5); outside Linux nothing is known of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dlbench.workers.supervisor import children

_UTIME, _CUTIME = 11, 13
"""Fields of /proc/PID/stat behind the name: user time, followed by system time, of the process and of its children."""
STAT_BYTES = 512
"""More than the lines of stat have: some fifty numbers and a name of 64 bytes at most."""


def below(supervisor: int) -> list[int]:
    """The worker and all its descendants, whose parents may have ended."""
    found, unread = [], [supervisor]
    while unread:
        new = children(unread.pop())
        found += new
        unread += new
    return found


def all_quiet(pids: Sequence[int]) -> bool:
    """True when no thread of these processes runs or is ready to run; False if nothing says."""
    states = [state for pid in pids for state in _states(f"/proc/{pid}/task")]
    return any(states) and b"R" not in states


def helper_seconds(supervisor: int, worker: int) -> float | None:
    """CPU seconds of all processes that a worker started, so far; None if nothing says.

    Time of a process that has ended is in the figures of whoever waited for it: its parent or the supervisor.
    """
    if not _stat(Path(f"/proc/{worker}")):
        return None
    ticks = sum(_ticks(pid, _CUTIME) for pid in (supervisor, worker))
    for pid in set(below(supervisor)) - {worker}:
        ticks += _ticks(pid, _UTIME) + _ticks(pid, _CUTIME)
    return ticks / os.sysconf("SC_CLK_TCK")


def _states(folder: str) -> Iterator[bytes]:
    """The state of each thread, empty for one that has ended. Looked at before each turn, hence without pathlib."""
    try:
        threads = os.listdir(folder)  # noqa: PTH208
    except OSError:
        return
    for thread in threads:
        try:
            descriptor = os.open(f"{folder}/{thread}/stat", os.O_RDONLY)
        except OSError:
            continue
        try:
            said = os.read(descriptor, STAT_BYTES)
        except OSError:
            said = b""
        finally:
            os.close(descriptor)
        yield said[said.rfind(b")") + 2 :][:1]


def _ticks(pid: int, field: int) -> int:
    """User and system time together."""
    fields = _stat(Path(f"/proc/{pid}"))
    return sum(map(int, fields[field : field + 2]))


def _stat(folder: Path) -> list[str]:
    """Fields behind the name, which may hold anything; empty for a thread or process that has ended."""
    try:
        return (folder / "stat").read_text().rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return []
