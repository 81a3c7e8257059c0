"""Work that is left until its result is read: after a rest, reading takes a fraction of a call's time."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from dlbench.measure import timing
from dlbench.plugin import Batch

LATE, REST, READINGS = 0.5, 0.02, 20
"""Share of a call's time that reading its result may take, seconds of rest before it, and readings at most.

One quick reading of at least LEAST is enough; the first call may trace.

What a device computes by itself is done after the rest; what nobody has computed is not.
"""
COPIES, LEAST, COPIED = 4, 3, 3
"""Copies that a reading may take, readings at least, and timings of a copy.

The fastest of these counts: a copy that a neighbour held up would excuse any reading.
"""
SHORTEST = 2.5e-4
"""Seconds of reading that tell nothing: after a rest caches are cold. An honest array of JAX took 0.13 ms then."""

Call = Callable[[Batch], Any]
Read = Callable[[Any], Any]


def left_undone(call: Call, read: Read, fresh: Callable[[], Batch], *, on_host: bool, least: int = LEAST) -> str:
    """The fault of calls of which reading a result that had its time takes LATE of the whole; empty if it does not.

    Copying is left out: on the host it is what NumPy takes for it, COPIES times; from a device, reading it again.
    """
    whole, late = [], []
    for _ in range(READINGS):
        batch = fresh()
        whole.append(_seconds(lambda batch=batch: read(call(batch))))  # type: ignore[misc]
        result = call(fresh())
        time.sleep(max(REST, 2 * whole[-1]))
        once = _seconds(partial(read, result))
        again, times = (partial(np.array, read(result)), COPIES) if on_host else (partial(read, result), 1)
        copied = times * min(_seconds(again) for _ in range(COPIED))
        late.append(max(0.0, once - copied))
        if len(late) >= least and min(late) <= max(SHORTEST, LATE * min(whole)):
            return ""
    return (
        f"reading a result took {min(late):.3g} s of a call's {min(whole):.3g} s, though it had time "
        "before: the work was left until it was read; do it in the call"
    )


def _seconds(work: Callable[[], object]) -> float:
    now = timing.Clock().wall
    start = now()
    work()
    return now() - start
