"""Batch sources: the batches that a step is fed, staged outside the clock."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from dlbench.errors import Unsupported
from dlbench.measure import arrays
from dlbench.measure.build import batch_of_call
from dlbench.plugin import Batch
from dlbench.spec import Spec
from dlbench.tasks import Task

RING = 16
"""Staged batches that a timed step goes round: more than a cache holds of one, few enough to stage at once."""


class BatchSource(Protocol):
    """Hands out staged batches: `ready` is called outside the clock, `batches` is read inside it."""

    batches: Iterator[Batch]

    def ready(self, calls: int) -> None:
        """Make sure that the batches of this many calls are staged."""
        ...


class FreshBatches:
    """Batches that nobody has seen, without end, at about the cost of a copy.

    One batch is drawn from the task for as many as it has samples: each of these holds its samples in another order.
    """

    def __init__(self, drawn: Callable[[int], Batch], first: int, axis: int) -> None:
        """`drawn` gives the batch of a call from `first` on; `axis` is that of its samples."""
        self._drawn, self._call, self._axis = drawn, first, axis
        self._source: Batch | None = None
        self._turn = 0

    def draw(self) -> Batch:
        """The next one, in arrays of its own."""
        self._turn += 1
        if self._source is None or self._turn >= np.shape(self._source.targets)[self._axis]:
            self._source, self._turn = self._drawn(self._call), 0
            self._call += 1
        return Batch(*(arrays.each(self._rolled, side) for side in self._source))

    def _rolled(self, array: Any) -> Any:
        return np.roll(array, self._turn, self._axis)


class RenewedBatches:
    """A ring of staged batches of which a sample gets new ones: what a timed step is fed.

    The batches that a sample comes to first are staged anew before it, so that a step which keeps what it has seen
    finds nothing of it in a sample of `size` calls. A longer one goes round the ring (see `dlbench.measure.audit`).
    No more batches are alive than the ring holds.
    """

    def __init__(self, first: Sequence[Batch], fresh: Callable[[], Batch]) -> None:
        self._ring, self._draw, self.size = list(first), fresh, len(first)
        self._next, self._unseen, self.longest = 0, len(first), 0
        self.batches: Iterator[Batch] = itertools.chain.from_iterable(itertools.repeat(self._ring))

    def ready(self, calls: int) -> None:
        """Stage anew what the coming calls get first, unless nobody has seen it yet."""
        wanted = min(calls, self.size)
        for place in range(self._unseen, wanted):
            self._ring[(self._next + place) % self.size] = self.fresh()
        self._unseen = max(0, max(self._unseen, wanted) - calls)
        self._next = (self._next + calls) % self.size
        self.longest = max(self.longest, calls)

    def fresh(self) -> Batch:
        """A batch that no step has seen, staged."""
        return self._draw()

    @property
    def last(self) -> Batch:
        """The batch of the last call."""
        return self._ring[self._next - 1]


class StreamingBatches:
    """The batch of every call once, for training to a target."""

    def __init__(self, staged: Callable[[int], Batch]) -> None:
        self._staged, self._call = staged, 0
        self._waiting: deque[Batch] = deque()
        self.batches: Iterator[Batch] = iter(self._waiting.popleft, None)

    def ready(self, calls: int) -> None:
        """Stage the batches of the coming calls."""
        while len(self._waiting) < calls:
            self._waiting.append(self._staged(self._call))
            self._call += 1


class RolloutBatches:
    """The batches of a task that learns by acting: the model plays for them, so that it is part of the clocked step."""

    def __init__(self, batches: Iterator[Batch], stage: Callable[[Batch], Batch]) -> None:
        self.batches: Iterator[Batch] = map(stage, batches)

    def ready(self, calls: int) -> None:
        """Nothing can be staged before the model has come so far."""


def source_for(spec: Spec, task: Task, stage: Callable[[Batch], Batch], predict: Callable[[Any], Any]) -> BatchSource:
    """The batch source of a Spec. Raises Unsupported for several steps a call of a task that learns by acting."""

    def staged(call: int) -> Batch:
        return stage(batch_of_call(task, spec, call))

    if spec.timed:
        size = max(2, -(-RING // spec.steps_per_call))
        unseen = FreshBatches(lambda call: batch_of_call(task, spec, call), size, axis=int(spec.steps_per_call > 1))
        return RenewedBatches([staged(call) for call in range(size)], lambda: stage(unseen.draw()))
    if task.batches is None:
        return StreamingBatches(staged)
    if spec.steps_per_call > 1:
        raise Unsupported(f"task {spec.task} plays with the model before a step: it has one step a call")
    return RolloutBatches(task.batches(spec.seed, predict), stage)
