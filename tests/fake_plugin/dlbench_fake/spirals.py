"""A task of a third party: which of two spirals is a point on?"""

from __future__ import annotations

import numpy as np

from dlbench.plugin import ArraySpec, Batch, Signature
from dlbench.tasks import Metric, Target, Task, TaskRequest, TaskRow, checksum, random_stream

GOAL = Target(target=0.95, learning_rate=1e-2, budget_steps=400, evaluate_every=50)
ACCURACY = Metric("accuracy", higher_is_better=True)
HELD_OUT, HELD_OUT_STREAM = 512, 2**33


def points(count: int, *keys: int) -> Batch:
    """Points (count, 2) with the spiral, 0 or 1, that each is on."""
    generator = random_stream(*keys)
    labels = generator.integers(0, 2, count).astype(np.int32)
    turn = generator.uniform(0.5, 2.0, count)
    angle = np.pi * (turn + labels)
    clean = np.stack((turn * np.cos(angle), turn * np.sin(angle)), axis=1)
    return Batch((clean + 0.05 * generator.normal(size=(count, 2))).astype(np.float32), labels)


def open_task(request: TaskRequest) -> Task:
    """Fresh points at each step."""
    size, held_out = request.batch_size, points(HELD_OUT, HELD_OUT_STREAM)

    def evaluate(predict):
        parts = [np.arange(at, at + size) % HELD_OUT for at in range(0, HELD_OUT, size)]
        found = np.concatenate([np.asarray(predict(held_out.inputs[part])).argmax(axis=-1) for part in parts])
        return float(np.mean(found[:HELD_OUT] == held_out.targets))

    return Task(
        info=GOAL.info("spirals", "two spirals, made from a seed", checksum(held_out), ACCURACY),
        signature=Signature(
            inputs=ArraySpec((size, 2), "float32"),
            targets=ArraySpec((size,), "int32"),
            outputs=ArraySpec((size, 2), "float32"),
            loss="cross_entropy",
        ),
        optimizer=GOAL.optimizer,
        evaluate_every=GOAL.evaluate_every,
        batch=lambda seed, step: points(size, seed, step),
        evaluate=evaluate,
    )


SPIRALS = TaskRow(open_task, "which of two spirals a point is on; cross-entropy", fits=("mlp",))
