"""Time in which a program was ready to run and had no core, as Linux counts it for every thread.

Functions are bound here, before a plugin is loaded.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from os import O_RDONLY, close, listdir
from os import open as open_file
from os import read as read_file
from threading import get_native_id
from time import thread_time_ns
from typing import NamedTuple

THREADS = "/proc/self/task"
LONE = 0.95
"""Share of the work above which a thread does it alone."""
OVERLAP = 0.02
"""Share of a time by which work and waits of all threads may exceed it and still follow one another."""


class Times(NamedTuple):
    """Nanoseconds of a thread since it began: on a core, and ready without one."""

    worked: int
    waited: int


Reading = Mapping[str, Times]
"""Times by thread."""


def counter() -> Callable[[float], float | None]:
    """A function that says how many of the seconds since this call the program has waited, as `between` does."""
    before = so_far()
    return lambda seconds: between(before, so_far(), seconds)


def lone() -> Callable[[float], float | None]:
    """A function that says how many seconds this thread has waited since, as `between` does, at the cost of two reads.

    It is given the processor seconds of all threads; None if others did some of the work, or it is not known.
    """
    name = str(get_native_id())
    before, began = _of(name), thread_time_ns()

    def waited(cpu_seconds: float) -> float | None:
        worked, after = (thread_time_ns() - began) * 1e-9, _of(name)
        if before is None or after is None or worked < LONE * cpu_seconds:
            return None
        return max(0.0, (after.waited - before.waited) * 1e-9 - max(0.0, cpu_seconds - worked))

    return waited


def so_far() -> Reading | None:
    """The times of all threads, from `schedstat` (Linux, Documentation/scheduler/sched-stats); None without it."""
    try:
        names = listdir(THREADS)  # noqa: PTH208 (bound above; a path calls what a plugin may replace)
    except OSError:
        return None
    return {name: times for name in names if (times := _of(name)) is not None} or None


def between(before: Reading | None, after: Reading | None, seconds: float) -> float | None:
    """Seconds that the program waited between two readings; None where they are not known, or say nothing.

    If one thread does the work, they are its waits, without what other threads of the program worked: it may have
    waited for them. If several do and follow one another, they are those of all. Where threads work beside each other,
    one may wait and delay nobody.
    """
    if before is None or after is None:
        return None
    began = Times(0, 0)
    spent = [
        Times(*(end - start for end, start in zip(after[name], before.get(name, began), strict=True))) for name in after
    ]
    worked, waited = sum(one.worked for one in spent), sum(one.waited for one in spent)
    most = max(spent)
    if most.worked >= LONE * worked:
        return max(0, most.waited - (worked - most.worked)) * 1e-9
    return waited * 1e-9 if (worked + waited) * 1e-9 <= (1 + OVERLAP) * seconds else None


def _of(thread: str) -> Times | None:
    """The times of a thread; None of one that has just ended, and of a kernel that does not count them."""
    try:
        descriptor = open_file(f"{THREADS}/{thread}/schedstat", O_RDONLY)
    except OSError:
        return None
    try:
        worked, waited = read_file(descriptor, 100).split()[:2]
        return Times(int(worked), int(waited))
    except (OSError, ValueError):
        return None
    finally:
        close(descriptor)
