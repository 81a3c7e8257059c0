"""Attribution of the wall time of a step to the events of several threads.

Every moment of the step belongs to somebody: to the threads that do a model's work then, in equal parts; if none does,
to a thread that dispatches or checks guards; else to Python, if the step's own thread is in no span; else the step
waits for others while nobody works, and it is a gap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dlbench.measure.profiling.spans import Segment, Window, segments
from dlbench.plugin import HOST, STEP, Category, ProfileEvent
from dlbench.record.explanation import Op

WORKS, HELPS, THINKS, WAITS = range(4)


class Account(NamedTuple):
    """Wall and busy seconds of the profiled call, by event, and how many threads worked."""

    ops: tuple[Op, ...]
    threads: int


class _Key(NamedTuple):
    category: Category
    name: str
    shapes: tuple[tuple[int, ...], ...]
    layer: str = ""
    flops: float | None = None


class _Sum:
    """Seconds and calls of an operation so far."""

    def __init__(self) -> None:
        self.seconds = self.busy = self.flops = 0.0
        self.count = 0
        self.known = False


def attribute(plugin: str, found: Window, steps: int) -> Account:
    """The account of a step, of which the call took several. Raises ContractViolation for spans that overlap."""
    sums: dict[_Key, _Sum] = {}
    by_thread = {thread: _clipped(plugin, found, thread) for thread in found.threads}
    working = {thread for thread, parts in by_thread.items() if any(rank(one.owner) == WORKS for one in parts)}
    _count(by_thread, sums)
    for seconds, owners in _moments(by_thread):
        best = min(map(rank, owners))
        holders = [one for one in owners if rank(one) == best]
        for owner in holders:
            sums.setdefault(_key(owner, gap=best == WAITS), _Sum()).seconds += seconds / len(holders)
    ops = sorted((_op(key, total, steps) for key, total in sums.items()), key=lambda one: -one.seconds)
    return Account(tuple(one for one in ops if one.seconds > 0.0 or one.busy > 0.0), len(working))


def rank(event: ProfileEvent) -> int:
    """Rank of an event among those of a moment; the lowest holds it."""
    if event.name == STEP:
        return THINKS
    if event.category not in HOST:
        return WORKS
    return WAITS if event.category in ("waiting", "gaps") else HELPS


def _clipped(plugin: str, found: Window, thread: int) -> list[Segment]:
    """The segments of a thread within the step."""
    start, end = found.step.start, found.step.start + found.step.seconds
    cut = (
        Segment(max(one.start, start), min(one.end, end), one.owner) for one in segments(plugin, found.threads[thread])
    )
    return [one for one in cut if one.end > one.start]


def _count(by_thread: dict[int, list[Segment]], sums: dict[_Key, _Sum]) -> None:
    """Calls, busy seconds and FLOPs of every event that owns some time, once each."""
    seen: set[int] = set()
    for part in (one for parts in by_thread.values() for one in parts):
        event = part.owner
        if rank(event) == WAITS:
            continue
        total = sums.setdefault(_key(event), _Sum())
        total.busy += part.end - part.start
        if id(event) not in seen:
            seen.add(id(event))
            total.count += event.count if event.name != STEP else 0
            total.flops += event.flops or 0.0
            total.known = total.known or event.flops is not None


def _moments(by_thread: dict[int, list[Segment]]) -> Iterator[tuple[float, Sequence[ProfileEvent]]]:
    """Stretches of time in which every thread stays in its span, and the owners of those spans."""
    edges = sorted(
        (time, opens, thread, number)
        for thread, parts in by_thread.items()
        for number, part in enumerate(parts)
        for time, opens in ((part.start, 1), (part.end, 0))
    )
    inside: dict[tuple[int, int], ProfileEvent] = {}
    before = 0.0
    for time, opens, thread, number in edges:
        if inside and time > before:
            yield time - before, list(inside.values())
        before = time
        if opens:
            inside[thread, number] = by_thread[thread][number].owner
        else:
            inside.pop((thread, number), None)


def _key(event: ProfileEvent, *, gap: bool = False) -> _Key:
    if event.name == STEP:
        return _Key("Python", "Python", ())
    return _Key("gaps" if gap else event.category, event.name, event.shapes, event.layer, event.flops)


def _op(key: _Key, total: _Sum, steps: int) -> Op:
    return Op(
        name=key.name,
        category=key.category,
        shapes=key.shapes,
        layer=key.layer,
        count=total.count / steps,
        seconds=total.seconds / steps,
        busy=total.busy / steps,
        flops=total.flops / steps if total.known else None,
    )
