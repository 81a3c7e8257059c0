"""Spans of one thread: which of them it is in at every moment, and which are a lie."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from dlbench.errors import ContractViolation
from dlbench.plugin import HOST, STEP, UNATTRIBUTED, Category, ProfileEvent

OVERLAP = 5e-6
"""Seconds by which a span may reach out of the one around it: profilers read a clock for each end, of microseconds."""
LONGER = 1.05
"""Ratio to the step above which an event is longer than it."""
OPEN: frozenset[Category] = HOST | {"fused code", UNATTRIBUTED}
"""Categories whose spans do not own what lies within them: it is counted as what it is."""
WITHIN = 0.1
"""Part of the time of recording an event that lies within its span; the rest lies around it.

PyTorch's, beside shapes: 0.04 of 0.43 µs within `aten::resolve_conj`, which does nothing.
"""


class Segment(NamedTuple):
    """Seconds from `start` to `end` in which a thread is in a span, for which `owner` stands in the account.

    `records` are the events that the profiler records in it, in parts: see `WITHIN`. `room` is the time in no span
    before an event that no other is around, of which this is the last segment: the rest of its recording lies there.
    """

    start: float
    end: float
    owner: ProfileEvent
    records: float = 0.0
    room: float = math.inf

    def recorded(self, each: float) -> float:
        """Seconds of recording within it, if an event's takes `each`; what the room cannot hold lies in the event."""
        return each * self.records + max(0.0, (1.0 - WITHIN) * each - self.room)


class Window(NamedTuple):
    """The profiled call: its span, and the events of all threads within it by thread.

    From `barrier` on, its thread does nothing but wait for the result of the last step.
    """

    step: ProfileEvent
    threads: dict[int, list[ProfileEvent]]
    barrier: float = math.inf


def window(plugin: str, events: Sequence[ProfileEvent], seconds: float, barrier: float = 0.0) -> Window:
    """The events of the step, which took `seconds` by our own clock, the last `barrier` of them for its barrier.

    Raises ContractViolation for a lie.
    """
    steps = [one for one in events if one.name == STEP]
    if len(steps) != 1:
        raise ContractViolation(f"plugin {plugin}: a profile has one event {STEP!r}, and this one has {len(steps)}")
    step = msgspec.structs.replace(steps[0], category="Python")  # whatever it says, it owns no work within it
    for one in events:
        _check(plugin, one, step)
    if step.seconds == 0.0:
        raise ContractViolation(f"plugin {plugin}: the event {STEP!r} of its profile takes 0 s; it must take some time")
    if not step.seconds <= LONGER * seconds + 1e-4 or not seconds <= LONGER * step.seconds + 1e-2:
        raise ContractViolation(
            f"plugin {plugin}: profile() says that the step took {step.seconds:g} s, and it took {seconds:g} s"
        )
    threads: dict[int, list[ProfileEvent]] = {step.thread: [step]}
    for one in events:
        if one.name != STEP and (one.seconds > 0.0 or one.count) and _within(one, step):
            threads.setdefault(one.thread, []).append(one)
    if len(threads) == 1 and len(threads[step.thread]) == 1:
        raise ContractViolation(f"plugin {plugin}: the profile has no event within the step")
    return Window(step, threads, step.start + step.seconds - barrier)


def _check(plugin: str, event: ProfileEvent, step: ProfileEvent) -> None:
    said = f"plugin {plugin}: the event {event.name[:80]!r} of its profile"
    if not math.isfinite(event.seconds) or event.seconds < 0.0:
        raise ContractViolation(f"{said} takes {event.seconds:g} s; it must take some time or none")
    if event.seconds > LONGER * step.seconds + OVERLAP and _within(event, step):
        raise ContractViolation(f"{said} takes {event.seconds:g} s, longer than the step of {step.seconds:g} s")


def _within(event: ProfileEvent, step: ProfileEvent) -> bool:
    """True if some of the event lies in the step; some take no time on the profiler's clock."""
    end = event.start + event.seconds
    return event.start < step.start + step.seconds and (end > step.start or event.start == end == step.start)


def segments(plugin: str, events: Iterable[ProfileEvent]) -> Iterator[Segment]:
    """The time of one thread, cut up by its innermost spans, each owned by the outermost work around it.

    So a copy within a product is a part of the product. A span without time of its own has a segment that ends
    where it starts, or before. Raises ContractViolation for spans that overlap.
    """
    open_spans: list[tuple[float, ProfileEvent]] = []
    at, room = -math.inf, math.inf
    for event in sorted(events, key=lambda one: (one.start, -one.seconds)):
        while open_spans and open_spans[-1][0] <= event.start + min(OVERLAP, event.seconds / 2):
            end, owner = open_spans.pop()
            yield Segment(at, end, owner, WITHIN, math.inf if open_spans else room)
            at = max(at, end)
        start, end = max(event.start, at), event.start + event.seconds
        owner = event
        if open_spans:
            around, outer = open_spans[-1]
            if end > around + OVERLAP:
                names = f"{event.name[:80]!r} and {outer.name[:80]!r}"
                raise ContractViolation(f"plugin {plugin}: {names} of its profile overlap on thread {event.thread}")
            end, owner = min(end, around), outer if outer.category not in OPEN else event
            yield Segment(at, start, outer, 1.0 - WITHIN)
        else:
            room = start - at
        at = start
        open_spans.append((end, owner))
    while open_spans:
        end, owner = open_spans.pop()
        yield Segment(at, end, owner, WITHIN, math.inf if open_spans else room)
        at = max(at, end)
