"""The clauses on the barrier: once the loss was read, the work of the step is done, wherever it was done."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlbench.conformance.model import Model, ModelsUnderTest, require

ESCAPED, ESCAPED_SECONDS, PAUSE_SECONDS = 0.25, 0.02, 0.1
"""Work after the barrier that is no fault, for each step more before it: a share of it, or CPU seconds in a pause."""
REST_SECONDS = 5.0
"""Seconds to wait at most until nothing runs."""
PAIRS, ATTEMPTS = 8, 3
"""Samples of one and of two steps, of which the fastest count, and attempts that must all show a fault."""
REST = 0.005
"""Least seconds between two samples: work that escaped from one is done before the next."""


def the_barrier_holds(session: ModelsUnderTest) -> None:
    """Once the loss was read no CPU time is spent on the step."""
    model = session.plain
    batch = model.batch(0)
    _rest()
    few, many = (min(_cpu_after(model, batch, steps) for _ in range(3)) for steps in (1, 9))
    _rest()  # escaped work would make the step longer, and its own share smaller
    step = min(_seconds_of(model, batch, 1) for _ in range(5))
    require(
        many - few <= max(ESCAPED_SECONDS, ESCAPED * 8 * step),
        f"after the loss was read the process went on for {many - few:.3f} CPU seconds, a step takes {step:.3f} s; "
        "wait for the update in sync()",
    )


def no_work_outlives_the_barrier(session: ModelsUnderTest) -> None:
    """Two steps take twice as long as one: a line through both that begins below zero says that work escaped.

    Work that a step leaves undone delays the next one; only that of a sample's last step is never seen. It uses nothing
    of the device, so it works on any.
    """
    model = session.plain
    batch = model.batch(0)
    for _ in range(ATTEMPTS):
        one, two = _fastest(model, batch)
        step, start = two - one, 2 * one - two
        if start >= -ESCAPED * step:
            return
    require(
        holds=False,
        otherwise=f"one step takes {one:.6f} s and two take {two:.6f} s: {-start:.6f} s of work escape the barrier; "
        "wait for the update in sync()",
    )


def _rest() -> None:
    """Wait until the process uses no CPU, for some seconds at most: work left by other clauses is not counted."""
    end = time.monotonic() + REST_SECONDS
    while time.monotonic() < end:
        start = time.process_time()
        time.sleep(PAUSE_SECONDS)
        if time.process_time() - start < ESCAPED_SECONDS / 4:
            return


def _fastest(model: Model, batch: Any) -> tuple[float, float]:
    """Seconds of one step and of two, the fastest of several samples with a rest before each.

    On a busy machine a short sample that follows a rest runs without interruption and a longer one does not: the wait
    of two steps for a core is not counted. On such a machine that can hide a fault, but never report a false one.
    """
    one, two = math.inf, math.inf
    pause = REST
    for _ in range(PAIRS):
        time.sleep(pause)
        one = min(one, seconds := _seconds_of(model, batch, 1))
        time.sleep(max(pause, 2 * seconds))
        before = _waits()
        seconds = _seconds_of(model, batch, 2)
        two = min(two, seconds - _longest(before, _waits()))
        pause = max(pause, seconds)
    return one, two


def _seconds_of(model: Model, batch: Any, steps: int) -> float:
    """Wall seconds of `steps` steps and the reading of the last loss."""
    start = time.perf_counter()
    _take(model, batch, steps)
    return time.perf_counter() - start


def _take(model: Model, batch: Any, steps: int) -> None:
    for _ in range(steps - 1):
        model.plugin.train_step(batch)
    model.train(batch)


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


def _cpu_after(model: Model, batch: Any, steps: int) -> float:
    """CPU seconds that the process spends in a pause after the loss of the last step was read."""
    _take(model, batch, steps)
    start = time.process_time()
    time.sleep(PAUSE_SECONDS)
    return time.process_time() - start
