"""Stretches in which another program had this thread's core: Linux writes a record of every switch for perf.

See perf_event_open(2). Nothing is sampled, and no program waits for it. Functions are bound here, before a plugin is
loaded.
"""

from __future__ import annotations

import ctypes
import struct
import sys
from collections.abc import Callable, Iterator
from mmap import PAGESIZE, mmap
from os import close
from platform import machine
from time import CLOCK_MONOTONIC
from typing import NamedTuple

CALLS = {"x86_64": 298, "aarch64": 241}
"""Numbers of the system call by machine."""
SOFTWARE, DUMMY, TIME = 1, 9, 4
NO_KERNEL, TIMES_ON_ALL, CLOCK, SWITCHES = (1 << bit for bit in (5, 18, 25, 26))
CLOSE_ON_EXEC = 8
PAGES, RECORD = 32, 16
"""Pages of the ring, a power of two, and bytes of a switch in it: 8,000 switches in pages of 4 KiB."""
HEAD = 1024
"""Place of the ring's length so far, in the page before it."""
SWITCH, OUT, PREEMPTED = 14, 1 << 13, 1 << 14


class Stretch(NamedTuple):
    """Seconds of the monotonic clock from `start` to `end`."""

    start: float
    end: float


def preempted() -> Callable[[], list[Stretch] | None]:
    """Begin to record this thread; the function returned ends that, and says when the thread had to leave its core.

    That is None where Linux records nothing for us, and of more switches than the ring holds.
    """
    descriptor = _opened()
    if descriptor is None:
        return lambda: None
    try:
        ring = mmap(descriptor, (1 + PAGES) * PAGESIZE)
    except OSError:
        close(descriptor)
        return lambda: None

    def ended() -> list[Stretch] | None:
        try:
            (length,) = struct.unpack_from("Q", ring, HEAD)
            is_full = length + RECORD >= PAGES * PAGESIZE  # a byte stays free, and what has no room is left out
            return None if is_full else list(_stretches(ring[PAGESIZE : PAGESIZE + length]))
        finally:
            ring.close()
            close(descriptor)

    return ended


def _opened() -> int | None:
    """The descriptor of a record of this thread's switches; None where there is none."""
    number = CALLS.get(machine())
    if sys.platform != "linux" or number is None:
        return None
    asked = bytearray(128)
    struct.pack_into("IIQQQQ", asked, 0, SOFTWARE, len(asked), DUMMY, 0, TIME, 0)
    struct.pack_into("Q", asked, 40, NO_KERNEL | TIMES_ON_ALL | CLOCK | SWITCHES)
    struct.pack_into("i", asked, 92, CLOCK_MONOTONIC)
    this_thread, any_core, no_group = 0, -1, -1
    given = (ctypes.c_char * len(asked)).from_buffer(asked)
    found: int = ctypes.CDLL(None).syscall(number, given, this_thread, any_core, no_group, CLOSE_ON_EXEC)
    return found if found >= 0 else None


def _stretches(records: bytes) -> Iterator[Stretch]:
    """From every switch that the thread did not ask for until it has a core again."""
    left: float | None = None
    at = 0
    while at < len(records):
        kind, said, size = struct.unpack_from("IHH", records, at)
        at += size
        (time,) = struct.unpack_from("Q", records, at - 8)
        if kind == SWITCH and said & OUT:
            left = time * 1e-9 if said & PREEMPTED else None
        elif kind == SWITCH and left is not None:
            yield Stretch(left, time * 1e-9)
            left = None
