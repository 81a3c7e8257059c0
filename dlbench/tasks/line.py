"""A noisy line in eight dimensions: for trying out a plugin, a method or a machine in seconds.

Quality is the mean squared error on 1024 held-out points over the variance of their targets; the noise leaves 0.01.
"""

from __future__ import annotations

import functools

import numpy as np

from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks.data_files import checksum
from dlbench.tasks.evaluation import normalised_error, outputs_of
from dlbench.tasks.targets import NORMALISED_ERROR, Target, random_stream, target_for
from dlbench.tasks.task import Predict, Task, TaskRequest

INPUTS, HELD_OUT, NOISE = 8, 1024, 0.1
SLOPE_STREAM, HELD_OUT_STREAM = 2**32 + 1, 2**32 + 2
TARGETS = {"small": Target(target=0.05, learning_rate=2e-2, budget_steps=300, evaluate_every=20)}


def open_task(request: TaskRequest) -> Task:
    """Values (batch, 8) to values (batch, 1): fresh points of the line at each step."""
    goal, size = target_for(TARGETS, request.size), request.batch_size
    inputs, outputs = ArraySpec((size, INPUTS), "float32"), ArraySpec((size, 1), "float32")
    return Task(
        goal.info("line", "made from its seed", _sha256(), NORMALISED_ERROR),
        Signature(inputs=inputs, targets=outputs, outputs=outputs, loss="mse"),
        goal.optimizer,
        goal.evaluate_every,
        lambda seed, step: _points(size, seed, step),
        lambda predict: _quality(predict, size),
    )


def _quality(predict: Predict, batch_size: int) -> float:
    held_out = _points(HELD_OUT, HELD_OUT_STREAM)
    outputs = outputs_of(predict, lambda places: held_out.inputs[places], HELD_OUT, batch_size)
    return normalised_error(outputs, held_out.targets)


def _points(count: int, *keys: int) -> Batch:
    slope = random_stream(SLOPE_STREAM).normal(size=(INPUTS, 1)) / np.sqrt(INPUTS)
    generator = random_stream(*keys)
    inputs = generator.normal(size=(count, INPUTS))
    targets = inputs @ slope + NOISE * generator.normal(size=(count, 1))
    return Batch(inputs.astype(np.float32), targets.astype(np.float32))


@functools.cache
def _sha256() -> str:
    return checksum(_points(HELD_OUT, HELD_OUT_STREAM))
