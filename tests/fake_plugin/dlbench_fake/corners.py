"""A task of a third party in ten lines: arrays."""

import numpy as np

from dlbench.tasks import Target, Task, TaskRequest, from_arrays, random_stream

GOAL = Target(target=0.05, learning_rate=2e-2, budget_steps=300, evaluate_every=20)


def open_task(request: TaskRequest) -> Task:
    """Eight numbers to their sum."""
    inputs = random_stream(2**33).normal(size=(2000, 8)).astype(np.float32)
    return from_arrays(request, inputs, inputs.sum(axis=1, keepdims=True), name="corners", goal=GOAL)
