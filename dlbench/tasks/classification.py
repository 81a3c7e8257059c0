"""Parts that classification tasks share: random training samples, and accuracy on held-out ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks.targets import Target, random_stream


class Split(NamedTuple):
    """Inputs (n, ...) and labels (n), int32, held out and not, and the checksum of what was read."""

    train: Batch
    held_out: Batch
    sha256: str


@dataclass(frozen=True)
class Source:
    """What the data is called, what it is, and how many classes and, of tokens, how many distinct ones it has."""

    task: str
    data: str
    classes: int
    vocabulary: int | None = None


@dataclass(frozen=True)
class Classification:
    """Inputs (batch, ...) to logits (batch, classes); `prepare` makes inputs of what the split holds."""

    source: Source
    split: Split
    goal: Target
    batch_size: int
    prepare: Callable[[Any], Any] = np.ascontiguousarray

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name=self.source.task,
            data=self.source.data,
            sha256=self.split.sha256,
            metric="accuracy",
            unit="",
            higher_is_better=True,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Inputs to logits."""
        sample = self.prepare(self.split.train.inputs[:1])
        return Signature(
            inputs=ArraySpec((self.batch_size, *sample.shape[1:]), sample.dtype.name),
            targets=ArraySpec((self.batch_size,), "int32"),
            outputs=ArraySpec((self.batch_size, self.source.classes), "float32"),
            loss="cross_entropy",
            vocabulary=self.source.vocabulary,
        )

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.goal.learning_rate)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Random training samples."""
        train = self.split.train
        chosen = random_stream(seed, step).integers(0, len(train.inputs), self.batch_size)
        return Batch(self.prepare(train.inputs[chosen]), train.targets[chosen])

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Accuracy; the last batch is filled up and the filling not counted."""
        held_out, count = self.split.held_out, len(self.split.held_out.inputs)
        places = [np.arange(at, at + self.batch_size) % count for at in range(0, count, self.batch_size)]
        guesses = [np.asarray(predict(self.prepare(held_out.inputs[place]))).argmax(axis=-1) for place in places]
        return float(np.mean(np.concatenate(guesses)[:count] == held_out.targets))
