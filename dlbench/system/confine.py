"""Confinement of this very process to the processors that a number of threads takes, within a context.

For plugins that share their process with others: no variable sets the number of threads of a library that is loaded
already.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from dlbench.system import cpus

TASKS = Path("/proc/self/task")


@contextlib.contextmanager
def to_processors(threads: int) -> Iterator[tuple[int, ...]]:
    """Hold all threads of this process, and those that they start meanwhile; yields the processors in force.

    They are chosen as for a child, and given back at the end. Empty outside Linux, which cannot hold any.
    """
    usable = cpus.usable()
    if not usable or not TASKS.exists():
        yield ()
        return
    chosen = tuple(cpus.choose(threads, usable))
    before = {task: found for task in _tasks() if (found := _held(task))}
    _hold(before, chosen)
    try:
        yield chosen
    finally:
        for task in _tasks():
            _hold((task,), before.get(task, usable))


def _tasks() -> list[int]:
    return [int(task.name) for task in TASKS.iterdir()]


def _held(task: int) -> Collection[int]:
    with contextlib.suppress(OSError):  # a thread that has ended
        return os.sched_getaffinity(task)
    return ()


def _hold(tasks: Collection[int], processors: Collection[int]) -> None:
    for task in tasks:
        with contextlib.suppress(OSError):
            os.sched_setaffinity(task, processors)
