"""Facts about the processors and threads of this process, read while it works: a setting may not have taken effect."""

from __future__ import annotations

import contextlib
import ctypes
import os
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlbench.record.processors import Actual, Pool
from dlbench.system import cpus

TASKS = Path("/proc/self/task")
UNLIMITED = 1 << 20
"""Threads from which on OpenMP's limit is none: without one it answers the largest number that it has."""

_ALLOWED_BY_IMPORT = "KMP_DUPLICATE_LIB_OK"
"""The variable that threadpoolctl sets when it is imported, for Intel's OpenMP."""


class Witness:
    """Made before the plugin is loaded, told when the timed steps begin, and read after the last of them."""

    def __init__(self) -> None:
        self._held_to = cpus.usable()
        self._before: Mapping[int, int] = {}

    def begin(self) -> None:
        """Begin: CPU time of threads from here on is work."""
        self._before = _ticks()

    def move(self, processors: tuple[int, ...]) -> None:
        """Hold to these processors the threads that are still where the process began, and no other."""
        for task in _ticks():
            with contextlib.suppress(OSError):
                if tuple(sorted(os.sched_getaffinity(task))) == self._held_to:
                    os.sched_setaffinity(task, processors)
        self._held_to = processors

    def read(self) -> Actual:
        """Processors of the threads that have worked, and the libraries that are loaded by now."""
        return Actual(
            held_to=self._held_to,
            cpus=tuple(sorted(self._of_workers())),
            pools=tuple(pools()),
        )

    def _of_workers(self) -> set[int]:
        """Each thread has an affinity of its own; the main thread's counts always, for it takes the steps."""
        found = set(cpus.usable())
        for task, ticks in _ticks().items():
            if ticks > self._before.get(task, 0):
                with contextlib.suppress(OSError):
                    found |= os.sched_getaffinity(task)
        return found


def pools() -> Iterator[Pool]:
    """Libraries of OpenMP and BLAS in this process that can be asked; others, linked into a framework, cannot."""
    before = os.environ.get(_ALLOWED_BY_IMPORT)
    import threadpoolctl

    if before is None:  # its import sets it, and the next Run in this process would have another environment
        os.environ.pop(_ALLOWED_BY_IMPORT, None)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two OpenMP libraries in one process are not for us to judge
        found = threadpoolctl.threadpool_info()
    yield from (_pool(one) for one in found if one["num_threads"] is not None)


def _pool(found: Mapping[str, Any]) -> Pool:
    version = " ".join(filter(None, (found["internal_api"], found["version"])))
    if found["user_api"] != "openmp":
        return Pool(library=f"{version} ({found.get('threading_layer') or 'threads'})", threads=found["num_threads"])
    library = ctypes.CDLL(found["filepath"])  # the one that is loaded
    limit = _asked(library, "omp_get_thread_limit")
    limit = None if limit is None or limit > UNLIMITED else limit
    return Pool(
        library=f"OpenMP ({found['prefix']})",
        threads=found["num_threads"],
        limit=limit,
        dynamic=bool(_asked(library, "omp_get_dynamic")),
    )


def _asked(library: ctypes.CDLL, name: str) -> int | None:
    """Answer of a function of the OpenMP standard (version 5.2, section 18.2); None if it is not there."""
    function: Callable[[], int] | None = getattr(library, name, None)
    return None if function is None else int(function())


def _ticks() -> dict[int, int]:
    """CPU time of each thread in the kernel's ticks (proc(5), fields 14 and 15 of stat); nothing outside Linux."""
    found: dict[int, int] = {}
    for task in TASKS.glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError, ValueError):
            fields = (task / "stat").read_text().rpartition(")")[2].split()
            found[int(task.name)] = int(fields[11]) + int(fields[12])
    return found
