"""Time in which a program was ready to run and had no core, as Linux counts it for every thread.

What each thread waited does not say how much longer the program took: threads that hand work to one another wait at
the same time, or for one another, and of threads that work beside each other one may wait and delay nobody. So the
time is known between two bounds. Functions are bound here, before a plugin is loaded.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from os import O_RDONLY, close, listdir
from os import open as open_file
from os import read as read_file
from threading import get_native_id
from time import thread_time_ns
from typing import NamedTuple

sched_getaffinity = getattr(os, "sched_getaffinity", None)
THREADS = "/proc/self/task"
LONE = 0.95
"""Share of the work above which a thread does it alone."""
UNSURE = 0.01
"""Share of the time with a core by which bounds may lie apart and a wait is still known: what no verdict names."""
LAG = 0.01
"""Seconds by which the kernel's figure of a thread's work may lag behind: a tick."""


class Times(NamedTuple):
    """Nanoseconds of a thread since it began: on a core, and ready without one."""

    worked: int
    waited: int


Reading = Mapping[str, Times]
"""Times by thread."""


class Waits(NamedTuple):
    """Seconds that a program waited, None where bounds lie too far apart, and by how much they do, None if unread."""

    waited: float | None = None
    unsure: float | None = None


def counter() -> Callable[[float, float], Waits]:
    """A function that says how long the program has waited since, as `between` does; it is given wall and CPU time."""
    before = so_far()
    return lambda seconds, cpu_seconds: between(before, so_far(), seconds, cpu_seconds, _processors())


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


def between(
    before: Reading | None, after: Reading | None, seconds: float, cpu_seconds: float, processors: int
) -> Waits:
    """Seconds that the program waited between two readings, where they are known.

    At most they are those of all threads, and no more than its processors did not work for it. At least they are those
    of one thread without what the others worked, for which it may have waited: of any thread if they share a processor,
    else of one that does the work alone.
    """
    if before is None or after is None:
        return Waits()
    began = Times(0, 0)
    spent = [
        Times(*(end - start for end, start in zip(after[name], before.get(name, began), strict=True))) for name in after
    ]
    worked, waited = (sum(one) * 1e-9 for one in zip(*spent, strict=True))
    idle = max(0.0, processors * seconds - cpu_seconds)
    ended = before.keys() - after.keys() or worked < LONE * cpu_seconds - LAG
    if ended:  # nobody knows how long those threads waited
        return _waits(0.0, idle, seconds, cpu_seconds)
    most = min(waited, idle)
    alone = max(spent).worked * 1e-9 >= LONE * worked
    delaying = spent if processors == 1 else [max(spent)] if alone else []
    least = max((one.waited * 1e-9 - (worked - one.worked * 1e-9) for one in delaying), default=0.0)
    return _waits(min(max(0.0, least), most), most, seconds, cpu_seconds)


def _processors() -> int:
    """Number of processors that this thread may run on; 1 if the system does not say."""
    return len(sched_getaffinity(0)) if sched_getaffinity is not None else 1


def _waits(least: float, most: float, seconds: float, cpu_seconds: float) -> Waits:
    unsure = most - least
    known = unsure <= UNSURE * max(min(cpu_seconds, seconds), seconds - most)
    return Waits(least if known else None, unsure)


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
