"""A profile as a file that Perfetto and chrome://tracing open."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from dlbench.plugin import ProfileEvent


def trace(label: str, events: Iterable[ProfileEvent]) -> bytes:
    """The events in the JSON of the Trace Event Format: complete events (`X`), their times in microseconds."""
    events = list(events)
    first = min((one.start for one in events), default=0.0)
    numbers = {thread: number for number, thread in enumerate(dict.fromkeys(one.thread for one in events))}
    named = {"name": "process_name", "ph": "M", "pid": 1, "args": {"name": label}}
    return msgspec.json.encode({"traceEvents": [named, *(_row(one, first, numbers[one.thread]) for one in events)]})


def _row(event: ProfileEvent, first: float, thread: int) -> dict[str, object]:
    more = {"shapes": event.shapes, "flops": event.flops, "count": event.count, "layer": event.layer}
    return {
        "name": event.name,
        "cat": event.category,
        "ph": "X",
        "pid": 1,
        "tid": thread + 1,  # 0 is the idle thread in Perfetto
        "ts": (event.start - first) * 1e6,
        "dur": event.seconds * 1e6,
        "args": {name: value for name, value in more.items() if value},
    }
