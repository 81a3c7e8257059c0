"""A profile as a file that Perfetto and chrome://tracing open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from dlbench.plugin import ProfileEvent


def trace(label: str, events: Iterable[ProfileEvent]) -> bytes:
    """The events in the JSON of the Trace Event Format: complete events (`X`), their times in microseconds."""
    ordered = sorted(events, key=lambda one: (one.start, -one.seconds))
    numbers = {thread: number for number, thread in enumerate(dict.fromkeys(one.thread for one in ordered), start=1)}
    named = {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": label}}
    rows = (_row(one, numbers[one.thread], *span) for one, span in zip(ordered, _nested(ordered), strict=True))
    return msgspec.json.encode({"traceEvents": [named, *rows]})


def _nested(ordered: Sequence[ProfileEvent]) -> Iterator[tuple[int, int]]:
    """Start and end of each event in nanoseconds, no end after that of an event around it, which Perfetto leaves out.

    Profilers read the clock at different moments for the ends of the two.
    """
    first = ordered[0].start if ordered else 0.0
    around: dict[int, list[int]] = {}
    for one in ordered:
        start, end = (round((at - first) * 1e9) for at in (one.start, one.start + one.seconds))
        ends = around.setdefault(one.thread, [])
        while ends and ends[-1] <= start:
            ends.pop()
        end = min(end, ends[-1]) if ends else end
        ends.append(end)
        yield start, end


def _row(event: ProfileEvent, thread: int, start: int, end: int) -> dict[str, object]:
    more = {"shapes": event.shapes, "flops": event.flops, "count": event.count, "layer": event.layer}
    return {
        "name": event.name,
        "cat": event.category,
        "ph": "X",
        "pid": 1,
        "tid": thread,  # from 1: 0 is the idle thread in Perfetto
        "ts": start / 1e3,
        "dur": (end - start) / 1e3,
        "args": {name: value for name, value in more.items() if value},
    }
