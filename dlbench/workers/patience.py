"""A time-out that counts only time in which dlbench ran, not a stop by Ctrl-Z or by a machine that slept."""

from __future__ import annotations

import select
import time
from collections.abc import Callable

SLICE = 1.0
"""Seconds of one wait. A wait that took longer was a stop, and counts for this much at most."""

Ready = Callable[[list[int], float], list[int]]
"""Descriptors that can be read after at most `seconds`."""


class Patience:
    """Seconds that are left for answers, over several waits."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic, ready: Ready | None = None) -> None:
        self.left, self._clock, self._ready = seconds, clock, ready or readable

    def wait(self, *descriptors: int) -> list[int]:
        """Descriptors that can be read, as soon as there is one. None when the time is up and there is still none."""
        while True:
            seconds = max(0.0, min(self.left, SLICE))
            begin = self._clock()
            ready = self._ready(list(descriptors), seconds)
            self.left -= min(self._clock() - begin, seconds)
            if ready or self.left <= 0:
                return ready


def readable(descriptors: list[int], seconds: float) -> list[int]:
    """Descriptors that can be read or have come to their end; poll(2), which knows no largest number."""
    poll = select.poll()
    for descriptor in descriptors:
        poll.register(descriptor, select.POLLIN)
    return [descriptor for descriptor, _ in poll.poll(seconds * 1000)]
