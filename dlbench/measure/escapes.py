"""Work that escapes the barrier: done after the loss was read, on another thread, process or device.

A busy machine hides it and never makes it appear: one reading without it is enough, and all must show it.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from dlbench.measure import timing

ESCAPED, ESCAPED_SECONDS, PAUSE_SECONDS = 0.25, 0.02, 0.1
"""Work after the barrier that is no fault, for each step more before it: a share of it, or CPU seconds in a pause."""
REST_SECONDS = 5.0
"""Seconds to wait at most until nothing runs."""
MORE, MORE_SECONDS = 8, 0.5
"""Steps by which the longer sample is longer, and about as many seconds at most."""
PAIRS = 8, 8, 8
"""Attempts, each of this many samples of one and of two steps, of which the fastest count."""
REST = 0.005
"""Least seconds between two samples: work that escaped from one is done before the next."""

Take = Callable[[int], object]
"""Takes a number of steps, and the barrier that ends them."""


def in_cpu_time(take: Take) -> str:
    """The fault of a process that spends CPU time on its steps after the barrier; empty if it does not."""
    step = seconds_of(take, 1)
    if step < MORE_SECONDS / MORE:
        step = min(step, *(seconds_of(take, 1) for _ in range(2)))
    more = max(1, min(MORE, int(MORE_SECONDS / max(step, 1e-9))))
    if _cpu_after(take, 1 + more) <= max(ESCAPED_SECONDS, ESCAPED * more * step):
        return ""
    rest()
    few, many = (min(_cpu_after(take, steps) for _ in range(3)) for steps in (1, 1 + more))
    rest()  # escaped work would make the step longer, and its own share smaller
    step = min(seconds_of(take, 1) for _ in range(5))
    if many - few <= max(ESCAPED_SECONDS, ESCAPED * more * step):
        return ""
    return (
        f"after the loss was read the process went on for {many - few:.3f} CPU seconds, a step takes {step:.3f} s; "
        "wait for the update in sync()"
    )


def by_the_line(take: Take, attempts: Iterable[int] = PAIRS) -> str:
    """The fault of steps of which two take less than twice as long as one; empty if they do not.

    A line through both that begins below zero says that work escaped. Work that a step leaves undone delays the next
    one; only that of a sample's last step is never seen. It uses nothing of the device, so it works on any.
    """
    one = two = 0.0
    for pairs in attempts:
        one, two = fastest(take, pairs)
        if one - (two - one) >= -ESCAPED * (two - one):
            return ""
    return (
        f"one step takes {one:.6f} s and two take {two:.6f} s: {two - 2 * one:.6f} s of work escape the barrier; "
        "wait for the update in sync()"
    )


def rest(pause: float = PAUSE_SECONDS) -> None:
    """Wait until the process uses no CPU in a pause, for some seconds at most: work left by others is not counted."""
    end = time.monotonic() + REST_SECONDS
    while time.monotonic() < end:
        start = time.process_time()
        time.sleep(pause)
        if time.process_time() - start < pause * ESCAPED_SECONDS / (4 * PAUSE_SECONDS):
            return


def fastest(take: Take, pairs: int) -> tuple[float, float]:
    """Seconds of one step and of two, the fastest of several samples with a rest before each.

    On a busy machine a short sample that follows a rest runs without interruption and a longer one does not: the wait
    of two steps for a core is not counted. On such a machine that can hide a fault, but never report a false one.
    """
    one, two = math.inf, math.inf
    pause = REST
    for _ in range(pairs):
        time.sleep(pause)
        one = min(one, seconds := seconds_of(take, 1))
        time.sleep(max(pause, 2 * seconds))
        before = _waits()
        seconds = seconds_of(take, 2)
        two = min(two, seconds - _longest(before, _waits()))
        pause = max(pause, seconds)
    return one, two


def seconds_of(take: Take, steps: int) -> float:
    """Wall seconds of `steps` steps and their barrier."""
    now = timing.Clock().wall
    start = now()
    take(steps)
    return now() - start


def _waits() -> dict[str, float]:
    """Seconds that each thread of this process was ready to run and had no core (Linux, sched-stats.rst)."""
    found: dict[str, float] = {}
    for task in Path("/proc/self/task").glob("*"):
        with contextlib.suppress(OSError):
            found[task.name] = int((task / "schedstat").read_text().split()[1]) * 1e-9
    return found


def _longest(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """The longest wait of a thread: several may have waited at the same time."""
    return max((waited - before.get(task, 0.0) for task, waited in after.items()), default=0.0)


def _cpu_after(take: Take, steps: int) -> float:
    """CPU seconds that the process spends in a pause after the barrier of some steps."""
    take(steps)
    start = time.process_time()
    time.sleep(PAUSE_SECONDS)
    return time.process_time() - start
