"""Attribution of the wall time of a step to the events of several threads.

Every moment of the step belongs to somebody: to the threads that do a model's work then, in equal parts; if none does,
to a thread that dispatches or checks guards; else to Python, if the step's own thread is in no span; else the step
waits for others while nobody works, and it is a gap.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from dlbench.measure.profiling.spans import Segment, Window, segments
from dlbench.plugin import HOST, STEP, Category, ProfileEvent
from dlbench.record.explanation import Op

Table = np.ndarray[Any, np.dtype[np.float64]]
WORKS, HELPS, THINKS, WAITS = range(4)
MANY, NEARLY = 10, 0.1
"""A number of calls from which on it is shown whole, and the part of a call by which a smaller one is nearly whole."""
MOST, TIGHT = 0.9, 0.05
"""Part of an operation's time that may be recording, and of all recording that may lie where it would be more."""


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
    """Seconds, calls and recording of an operation so far, and the lengths of its segments by thread."""

    def __init__(self) -> None:
        self.seconds = self.busy = self.flops = self.recorded = 0.0
        self.count = 0
        self.known = False
        self.lengths: dict[int, list[float]] = {}


def attribute(plugin: str, found: Window, steps: int, recording: float = 0.0, own: float = math.inf) -> Account:
    """The account of a step, of which the call took several. Raises ContractViolation for spans that overlap.

    `own` are the seconds of the call without waits for a core: see `_steady`. `recording` seconds of all threads are
    the profiler's own at the most, as much for every event (see `_recorded`), and are taken from its own thread's time:
    from the wall time by as large a part as from the busy time. All that is left is scaled to the call again.
    """
    sums: dict[_Key, _Sum] = {}
    by_thread = {thread: _clipped(plugin, found, thread) for thread in found.threads}
    working = {
        thread
        for thread, parts in by_thread.items()
        if any(rank(one.owner) == WORKS and _takes_time(one) for one in parts)
    }
    _count(by_thread, sums, recording / (sum(map(len, found.threads.values())) - 1))  # the step is no event of these
    for seconds, owners in _moments(by_thread):
        best = min(map(rank, owners))
        holders = [one for one in owners if rank(one) == best]
        for owner in holders:
            sums.setdefault(_key(owner, gap=best == WAITS), _Sum()).seconds += seconds / len(holders)
    whole = sum(one.seconds for one in sums.values())
    _steady(sums, steps, own)
    share = _recorded(sums.values())
    for one in sums.values():
        _scale(one, 1.0 - min(MOST, share * one.recorded / one.busy) if one.busy else 1.0)
    left = sum(one.seconds for one in sums.values())
    for one in sums.values():
        _scale(one, whole / left)
    ops = sorted((_op(key, total, steps) for key, total in sums.items()), key=lambda one: -one.seconds)
    return Account(tuple(one for one in ops if one.count or one.seconds > 0.0 or one.busy > 0.0), len(working))


def mean(accounts: Sequence[Account]) -> Account:
    """The mean of accounts of one step, all scaled to the time of the first; an operation is one by FLOPs of a call.

    Calls are whole from ten on, and where they nearly are: an event of the step after it may lie in a profile.
    """
    whole, parts = sum(op.seconds for op in accounts[0].ops), len(accounts)
    found: dict[_Key, list[Op]] = {}
    for one in accounts:
        scale = whole / (sum(op.seconds for op in one.ops) or math.inf)
        for op in one.ops:
            scaled = msgspec.structs.replace(op, seconds=scale * op.seconds, busy=scale * op.busy)
            found.setdefault(_Key(op.category, op.name, op.shapes, op.layer, _of_call(op)), []).append(scaled)
    ops = [
        _whole(
            msgspec.structs.replace(
                of[0],
                count=sum(op.count for op in of) / parts,
                seconds=sum(op.seconds for op in of) / parts,
                busy=sum(op.busy for op in of) / parts,
                flops=None if key.flops is None else sum(op.flops or 0.0 for op in of) / parts,
            )
        )
        for key, of in found.items()
    ]
    ops.sort(key=lambda one: -one.seconds)
    return Account(tuple(ops), max(one.threads for one in accounts))


def _whole(op: Op) -> Op:
    """The operation with a whole number of calls, and as many times the FLOPs of one, if it nearly has."""
    count = float(round(op.count))
    if not count or (count < MANY and abs(op.count - count) > NEARLY):
        return op
    return msgspec.structs.replace(op, count=count, flops=op.flops and op.flops / op.count * count)


def _of_call(op: Op) -> float | None:
    """FLOPs of a call, which no round changes."""
    return op.flops if op.flops is None else round(op.flops / op.count) if op.count else 0.0


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
    if thread == found.step.thread and len(found.threads) > 1:
        cut = (part for one in cut for part in _at_barrier(one, found.barrier))
    return list(cut)


def _takes_time(one: Segment) -> bool:
    return one.end > one.start


def _at_barrier(one: Segment, barrier: float) -> Iterator[Segment]:
    """Time in no span while the step waits for its result is no Python: a framework may wait without a span."""
    if one.owner.name != STEP or one.end <= barrier:
        yield one
        return
    waits = ProfileEvent(name="barrier", category="waiting", start=barrier, seconds=one.end - barrier, count=0)
    yield one._replace(end=max(one.start, barrier))
    yield one._replace(start=max(one.start, barrier), owner=waits, records=0.0)


def _count(by_thread: dict[int, list[Segment]], sums: dict[_Key, _Sum], each: float) -> None:
    """Calls and FLOPs of every event that no work is around, once each; busy seconds and recording (`each` an event).

    An event may take no time on the profiler's clock, and one around others no time of its own.
    """
    seen: set[int] = set()
    for thread, part in ((thread, one) for thread, parts in by_thread.items() for one in parts):
        event = part.owner
        if rank(event) == WAITS:
            continue
        total = sums.setdefault(_key(event), _Sum())
        if _takes_time(part):
            total.busy += part.end - part.start
            total.recorded += part.recorded(each)
            total.lengths.setdefault(thread, []).append(part.end - part.start)
        if id(event) not in seen:
            seen.add(id(event))
            total.count += event.count if event.name != STEP else 0
            total.flops += event.flops or 0.0
            total.known = total.known or event.flops is not None


def _steady(sums: dict[_Key, _Sum], steps: int, own: float) -> None:
    """Scale what recurs in each step to a quantile over the steps, as another program may take the core in some.

    That is the median, or the lower one at which all together take their own seconds, where the program had no core for
    more than half of them.
    """
    recurring = {key: table for key, one in sums.items() if (table := _by_step(key, one, steps)) is not None}
    if not recurring:
        return
    ordered = np.sort(np.concatenate(list(recurring.values()), axis=1), axis=0).sum(axis=1) * steps
    rest = sum(one.seconds for key, one in sums.items() if key not in recurring)
    at = min(0.5, float(np.interp(own - rest, ordered, np.linspace(0.0, 1.0, steps))))
    for key, table in recurring.items():
        _scale(sums[key], float(np.quantile(table, at, axis=0).sum() * steps / table.sum()))


def _by_step(key: _Key, one: _Sum, steps: int) -> Table | None:
    """The lengths of an operation's segments, a step a row; None if they do not recur, or lie on several threads.

    Of Python's, one before the first step is left out.
    """
    lengths = next(iter(one.lengths.values())) if len(one.lengths) == 1 else []
    lengths = lengths[len(lengths) % steps :] if key.category == "Python" and len(lengths) % steps == 1 else lengths
    return np.reshape(lengths, (steps, -1)) if lengths and not len(lengths) % steps and sum(lengths) else None


def _recorded(sums: Iterable[_Sum]) -> float:
    """Share of the recording that all operations have time for, but for a few with little of it.

    What a profile takes beyond a step without it may be its own work, or that caches are cold, pages are new and a
    neighbour works. Only its own lies at every event, and is no longer than the shortest of them leave time for.
    """
    known = sorted((MOST * one.busy / one.recorded, one.recorded) for one in sums if one.recorded)
    tight, spent = TIGHT * sum(recorded for _, recorded in known), 0.0
    for room, recorded in known:
        spent += recorded
        if spent > tight:
            return min(1.0, room)
    return 1.0


def _scale(one: _Sum, by: float) -> None:
    one.seconds *= by
    one.busy *= by


def _moments(by_thread: dict[int, list[Segment]]) -> Iterator[tuple[float, Sequence[ProfileEvent]]]:
    """Stretches of time in which every thread stays in its span, and the owners of those spans."""
    edges = sorted(
        (time, opens, thread, number)
        for thread, parts in by_thread.items()
        for number, part in enumerate(parts)
        if _takes_time(part)
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
