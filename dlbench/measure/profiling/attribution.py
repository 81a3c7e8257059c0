"""Attribution of the wall time of a step to the events of several threads.

Every moment of the step belongs to somebody: to the threads that do a model's work then, in equal parts; if none does,
to a thread that dispatches or checks guards; else to Python, if the step's own thread is in no span; else the step
waits for others while nobody works, and it is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

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
    """Seconds, calls and recorded events of an operation so far, and the lengths of its segments by thread."""

    def __init__(self) -> None:
        self.seconds = self.busy = self.flops = self.records = 0.0
        self.count = 0
        self.known = False
        self.lengths: dict[int, list[float]] = {}


def attribute(plugin: str, found: Window, steps: int, recording: float = 0.0) -> Account:
    """The account of a step, of which the call took several. Raises ContractViolation for spans that overlap.

    What recurs in each step counts with its median over them, as another program may take the core in some. `recording`
    seconds of the call are the profiler's own, and are taken from the operations in proportion to their recorded
    events. All that is left is scaled to the call again.
    """
    sums: dict[_Key, _Sum] = {}
    by_thread = {thread: _clipped(plugin, found, thread) for thread in found.threads}
    working = {thread for thread, parts in by_thread.items() if any(rank(one.owner) == WORKS for one in parts)}
    _count(by_thread, sums)
    for seconds, owners in _moments(by_thread):
        best = min(map(rank, owners))
        holders = [one for one in owners if rank(one) == best]
        for owner in holders:
            sums.setdefault(_key(owner, gap=best == WAITS), _Sum()).seconds += seconds / len(holders)
    whole = sum(one.seconds for one in sums.values())
    for key, one in sums.items():
        _scale(one, _steady(one, steps, first=key.category == "Python"))
    _without(recording, list(sums.values()))
    left = sum(one.seconds for one in sums.values())
    for one in sums.values():
        _scale(one, whole / left if left else 1.0)
    ops = sorted((_op(key, total, steps) for key, total in sums.items()), key=lambda one: -one.seconds)
    return Account(tuple(one for one in ops if one.count or one.seconds > 0.0 or one.busy > 0.0), len(working))


def mean(accounts: Sequence[Account]) -> Account:
    """The mean of accounts of one step, all scaled to the time of the first."""
    whole, parts = sum(op.seconds for op in accounts[0].ops), len(accounts)
    found: dict[_Key, list[Op]] = {}
    for one in accounts:
        scale = whole / (sum(op.seconds for op in one.ops) or math.inf)
        for op in one.ops:
            scaled = msgspec.structs.replace(op, seconds=scale * op.seconds, busy=scale * op.busy)
            found.setdefault(_Key(op.category, op.name, op.shapes, op.layer, op.flops), []).append(scaled)
    ops = [
        msgspec.structs.replace(
            of[0],
            count=sum(op.count for op in of) / parts,
            seconds=sum(op.seconds for op in of) / parts,
            busy=sum(op.busy for op in of) / parts,
        )
        for of in found.values()
    ]
    return Account(tuple(sorted(ops, key=lambda one: -one.seconds)), max(one.threads for one in accounts))


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
        one._replace(start=max(one.start, start), end=min(one.end, end))
        for one in segments(plugin, found.threads[thread])
    )
    return [one for one in cut if one.end > one.start]


def _count(by_thread: dict[int, list[Segment]], sums: dict[_Key, _Sum]) -> None:
    """Calls, busy seconds and FLOPs of every event that owns some time, once each."""
    seen: set[int] = set()
    for thread, part in ((thread, one) for thread, parts in by_thread.items() for one in parts):
        event = part.owner
        if rank(event) == WAITS:
            continue
        total = sums.setdefault(_key(event), _Sum())
        total.busy += part.end - part.start
        total.records += part.records
        total.lengths.setdefault(thread, []).append(part.end - part.start)
        if id(event) not in seen:
            seen.add(id(event))
            total.count += event.count if event.name != STEP else 0
            total.flops += event.flops or 0.0
            total.known = total.known or event.flops is not None


def _steady(one: _Sum, steps: int, *, first: bool) -> float:
    """Share of an operation's time that is left if every segment counts with its median over the steps.

    1.0 if its segments do not recur, or lie on several threads. With `first`, one before the first step is left out.
    """
    lengths = next(iter(one.lengths.values())) if len(one.lengths) == 1 else []
    lengths = lengths[len(lengths) % steps :] if first and len(lengths) % steps == 1 else lengths
    if not lengths or len(lengths) % steps or not sum(lengths):
        return 1.0
    return float(np.median(np.reshape(lengths, (steps, -1)), axis=0).sum() * steps / sum(lengths))


def _without(recording: float, sums: Sequence[_Sum]) -> None:
    """Take the time of recording out of the wall time of the operations."""
    records = {one: one.records * one.seconds / one.busy for one in sums if one.busy and one.seconds}
    seconds = max(recording, 0.0) / (sum(records.values()) or math.inf)
    for one, count in records.items():
        _scale(one, max(0.0, 1.0 - seconds * count / one.seconds))


def _scale(one: _Sum, by: float) -> None:
    one.seconds *= by
    one.busy *= by


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
