"""Thunks of XLA, whose work its threads share without spans of their own; the last of them records its end."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
from typing import NamedTuple

import msgspec

from dlbench.plugin import ProfileEvent

ENDS = "end: "
"""Beginning of the name of the event at a thunk's end, before the name of its instruction."""


class Recorded(NamedTuple):
    """An event, and the name of the instruction that begins or, with `ENDS` before it, ends in it; else empty."""

    event: ProfileEvent
    instruction: str


def with_tails(found: Iterable[Recorded]) -> Iterator[ProfileEvent]:
    """The events, and the work of a thunk on a thread that ends it without having begun it.

    Its thread is in no span until then. It is the thunk's from its start on, as far as no other thread has a thunk: one
    core may be shared by both.
    """
    ordered = sorted(found, key=lambda one: (one.event.start, -one.event.seconds))
    free = _Free(one.event for one in ordered if one.instruction and not one.instruction.startswith(ENDS))
    begun: dict[str, ProfileEvent] = {}
    ends: dict[int, float] = {}
    for event, instruction in ordered:
        yield event
        thunk = begun.get(instruction.removeprefix(ENDS)) if instruction.startswith(ENDS) else None
        if thunk is not None and thunk.thread != event.thread:
            start = max(ends.get(event.thread, thunk.start), thunk.start)
            yield from (_part(thunk, event.thread, *part) for part in free.parts(start, event.start))
        elif instruction and not instruction.startswith(ENDS):
            begun[instruction] = event
        ends[event.thread] = max(ends.get(event.thread, event.start), event.start + event.seconds)


class _Free:
    """The time outside of these events, which come ordered by start."""

    def __init__(self, taken: Iterable[ProfileEvent]) -> None:
        self._taken = [(one.start, one.start + one.seconds) for one in taken]
        self._ended = list(accumulate((end for _, end in self._taken), max))

    def parts(self, start: float, end: float) -> Iterator[tuple[float, float]]:
        """The parts of a stretch in which none of the events goes on."""
        for begin, until in islice(self._taken, bisect_right(self._ended, start), None):
            if begin >= end:
                break
            if begin > start:
                yield start, begin
            start = max(start, until)
        if start < end:
            yield start, end


def _part(thunk: ProfileEvent, thread: int, start: float, end: float) -> ProfileEvent:
    return msgspec.structs.replace(thunk, thread=thread, start=start, seconds=end - start, count=0, flops=None)
