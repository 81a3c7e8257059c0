"""Children that work at the same time, where nobody is timed: each has processors of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Generic, TypeVar

from dlbench.spec import Spec, workers
from dlbench.system import cpus
from dlbench.workers.child import ChildError, ChildHandle

T_co = TypeVar("T_co", covariant=True)
MOST = 4
"""Children at a time, however many processors there are: each may hold a whole model."""


@dataclass(frozen=True)
class Work(Generic[T_co]):
    """Orders for a child: its start at a place among others, and what begins them and returns what waits."""

    spec: Spec
    start: Callable[[int], ChildHandle]
    begin: Callable[[ChildHandle], Callable[[], T_co]]


def results(works: Sequence[Work[T_co]]) -> list[T_co | ChildError]:
    """The result of each in this order, or what its child failed with.

    As many work at the same time as have processors of their own; on a device that they would share, one. A child for
    which there was no memory beside others tries again alone.
    """
    found: list[T_co | ChildError] = []
    for together in _parts(works):
        answers = _at_once(together)
        for work, answer in zip(together, answers, strict=True):
            lacked = len(together) > 1 and isinstance(answer, ChildError) and answer.status == "out-of-memory"
            found += _at_once([work]) if lacked else [answer]
    return found


def _parts(works: Sequence[Work[T_co]]) -> Iterator[list[Work[T_co]]]:
    """Neighbours that fit beside one another."""
    part: list[Work[T_co]] = []
    for work in works:
        if part and not _fits([*part, work]):
            yield part
            part = []
        part.append(work)
    if part:
        yield part


def _fits(works: Sequence[Work[T_co]]) -> bool:
    threads, on_cpu = (
        sum(work.spec.threads * workers.count(work.spec) for work in works),
        all(work.spec.device == "cpu" for work in works),
    )
    return on_cpu and len(works) <= MOST and threads <= cpus.count()


def _at_once(works: Sequence[Work[T_co]]) -> list[T_co | ChildError]:
    with ExitStack() as stack:
        waiting = [_begun(work, place, stack) for place, work in enumerate(works)]
        return [one if isinstance(one, ChildError) else _result(one) for one in waiting]


def _begun(work: Work[T_co], place: int, stack: ExitStack) -> Callable[[], T_co] | ChildError:
    try:
        child = work.start(place)
    except ChildError as error:
        return error
    stack.callback(child.close)
    return work.begin(child)


def _result(waiting: Callable[[], T_co]) -> T_co | ChildError:
    try:
        return waiting()
    except ChildError as error:
        return error
