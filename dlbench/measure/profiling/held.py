"""Events of a thread as they were had no other program held its core."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from dlbench.plugin import STEP, ProfileEvent
from dlbench.system.switches import Stretch

SLACK = 1e-3
"""Seconds between the step of the profile and our own clock within it, above which the two cannot be laid together."""


def without(
    events: Sequence[ProfileEvent], held: Sequence[Stretch], start: float, seconds: float
) -> list[ProfileEvent]:
    """Take these stretches out of the time of all events; the step began at `start` by our clock and took `seconds`.

    As they are, if nothing was held, or the profile has no step that fits.
    """
    steps = [one for one in events if one.name == STEP]
    if not held or len(steps) != 1 or abs(steps[0].seconds - seconds) > SLACK:
        return list(events)
    edges = np.array(held) - start  # small numbers: those of a clock hold no nanoseconds
    lost = np.cumsum(np.stack([np.zeros(len(edges)), edges[:, 1] - edges[:, 0]], axis=1))
    begin = np.array([one.start - steps[0].start for one in events])
    end = begin + [one.seconds for one in events]
    begin, end = (times - np.interp(times, edges.ravel(), lost) for times in (begin, end))
    return [
        msgspec.structs.replace(one, start=steps[0].start + float(first), seconds=float(last - first))
        for one, first, last in zip(events, begin, end, strict=True)
    ]
