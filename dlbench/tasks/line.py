"""A noisy line in eight dimensions: for trying out a plugin, a method or a machine in seconds.

Quality is the mean squared error on 1024 held-out points over the variance of their targets; the noise leaves 0.01.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from dlbench.plugin import Adam, ArraySpec, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks import TaskRequest
from dlbench.tasks.targets import Target, random_stream, target_for

INPUTS, HELD_OUT, NOISE = 8, 1024, 0.1
SLOPE_STREAM, HELD_OUT_STREAM = 2**32 + 1, 2**32 + 2
TARGETS = {"small": Target(target=0.05, learning_rate=2e-2, budget_steps=300, evaluate_every=20)}


@dataclass(frozen=True)
class LineTask:
    """Inputs (batch, 8) to one value."""

    goal: Target
    batch_size: int

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target."""
        return TaskInfo(
            name="line",
            data="made from its seed",
            sha256=_sha256(),
            metric="normalised mean squared error",
            unit="",
            higher_is_better=False,
            target=self.goal.target,
            budget_steps=self.goal.budget_steps,
        )

    @property
    def signature(self) -> Signature:
        """Values (batch, 8) to values (batch, 1)."""
        inputs = ArraySpec((self.batch_size, INPUTS), "float32")
        outputs = ArraySpec((self.batch_size, 1), "float32")
        return Signature(inputs=inputs, targets=outputs, outputs=outputs, loss="mse")

    @property
    def optimizer(self) -> Adam:
        """Adam at the learning rate that reached the target."""
        return Adam(learning_rate=self.goal.learning_rate)

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        return self.goal.evaluate_every

    def batch(self, seed: int, step: int) -> Batch:
        """Fresh points of the line."""
        return _points(self.batch_size, seed, step)

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Normalised mean squared error; the last batch is filled up and the filling not counted."""
        held_out = _points(HELD_OUT, HELD_OUT_STREAM)
        places = [np.arange(at, at + self.batch_size) % HELD_OUT for at in range(0, HELD_OUT, self.batch_size)]
        outputs = np.concatenate([np.asarray(predict(held_out.inputs[place])) for place in places])[:HELD_OUT]
        return float(((outputs - held_out.targets) ** 2).mean() / held_out.targets.var())


def open_task(request: TaskRequest) -> LineTask:
    """Nothing to read."""
    return LineTask(target_for(TARGETS, request.size), request.batch_size)


def _points(count: int, *keys: int) -> Batch:
    slope = random_stream(SLOPE_STREAM).normal(size=(INPUTS, 1)) / np.sqrt(INPUTS)
    generator = random_stream(*keys)
    inputs = generator.normal(size=(count, INPUTS))
    targets = inputs @ slope + NOISE * generator.normal(size=(count, 1))
    return Batch(inputs.astype(np.float32), targets.astype(np.float32))


@functools.cache
def _sha256() -> str:
    return hashlib.sha256(b"".join(array.tobytes() for array in _points(HELD_OUT, HELD_OUT_STREAM))).hexdigest()
