"""A task: data and goal of one model, in one record that a function fills."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dlbench.plugin import Batch, Optimizer, Signature
from dlbench.record.schema import TaskInfo
from dlbench.spec import InputSpec

Predict = Callable[[Any], Any]
"""The model: inputs of one batch to its outputs."""


@dataclass(frozen=True)
class TaskRequest:
    """Request to open a task: `size` chooses the goal, `input_shape` is the shape that a built-in architecture states.

    The others belong to a user's own model (`dlbench.spec.ModelSource`), for tasks that are made to measure: inputs and
    outputs, whose first axis becomes the batch size; the loss; a file of samples; and the quality that counts as
    trained, such as `accuracy:0.95`. Empty ones are left to the task.
    """

    size: str
    batch_size: int
    input_shape: tuple[int, ...] | None = None
    inputs: tuple[InputSpec, ...] = ()
    targets: InputSpec | None = None
    outputs: InputSpec | None = None
    loss: str = ""
    data: str = ""
    target: str = ""


@dataclass(frozen=True)
class Task:
    """Data and goal of one model. All arrays are NumPy, all batches have exactly the batch size of the request.

    `info` is kept in the record: data, metric, target. `signature` describes the model's inputs and outputs,
    `optimizer` is the one that reached the target, and quality is evaluated every `evaluate_every` steps. `batch(seed,
    step)` is the training batch of step 0, 1, ...: it depends on nothing but the data, seed and step.
    `evaluate(predict)` is the quality on held-out data, in the metric's unit.

    A task that learns by acting owns an environment, and has `batches(seed, predict)` too: the training batches of step
    0, 1, ..., each asked for after the step before it was taken.
    """

    info: TaskInfo
    signature: Signature
    optimizer: Optimizer
    evaluate_every: int
    batch: Callable[[int, int], Batch]
    evaluate: Callable[[Predict], float]
    batches: Callable[[int, Predict], Iterator[Batch]] | None = None
