"""Parts that classification tasks share: random training samples, and accuracy on held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks.evaluation import accuracy, outputs_of
from dlbench.tasks.targets import ACCURACY, Target, random_stream
from dlbench.tasks.task import Predict, Task


class Split(NamedTuple):
    """Inputs (n, ...) and labels (n), int32, held out and not, and the checksum of the data read."""

    train: Batch
    held_out: Batch
    sha256: str


@dataclass(frozen=True)
class Source:
    """Data by name, with its arrays, its number of classes and, of tokens, its number of distinct ones.

    `prepare` makes inputs of the samples that the split holds.
    """

    task: str
    data: str
    classes: int
    vocabulary: int | None = None
    prepare: Callable[[Any], Any] = np.ascontiguousarray


def classification(source: Source, split: Split, goal: Target, batch_size: int) -> Task:
    """The task: inputs (batch, ...) to logits (batch, classes)."""
    train, held_out = split.train, split.held_out

    def batch(seed: int, step: int) -> Batch:
        chosen = random_stream(seed, step).integers(0, len(train.inputs), batch_size)
        return Batch(source.prepare(train.inputs[chosen]), train.targets[chosen])

    def evaluate(predict: Predict) -> float:
        inputs = lambda places: source.prepare(held_out.inputs[places])  # noqa: E731
        return accuracy(outputs_of(predict, inputs, len(held_out.inputs), batch_size), held_out.targets)

    return Task(
        goal.info(source.task, source.data, split.sha256, ACCURACY),
        _signature(source, split, batch_size),
        goal.optimizer,
        goal.evaluate_every,
        batch,
        evaluate,
    )


def _signature(source: Source, split: Split, batch_size: int) -> Signature:
    sample = source.prepare(split.train.inputs[:1])
    return Signature(
        inputs=ArraySpec((batch_size, *sample.shape[1:]), sample.dtype.name),
        targets=ArraySpec((batch_size,), "int32"),
        outputs=ArraySpec((batch_size, source.classes), "float32"),
        loss="cross_entropy",
        vocabulary=source.vocabulary,
    )
