"""Batch sources: the batches that a step is fed, staged outside the clock."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from dlbench.errors import Unsupported
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


class CyclingBatches:
    """The batches of the first calls, over and over, for timed steps."""

    def __init__(self, staged: Callable[[int], Batch], size: int) -> None:
        self.batches: Iterator[Batch] = itertools.cycle([staged(call) for call in range(size)])

    def ready(self, calls: int) -> None:
        """All are staged."""


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
        return CyclingBatches(staged, max(2, -(-RING // spec.steps_per_call)))
    if task.batches is None:
        return StreamingBatches(staged)
    if spec.steps_per_call > 1:
        raise Unsupported(f"task {spec.task} plays with the model before a step: it has one step a call")
    return RolloutBatches(task.batches(spec.seed, predict), stage)
