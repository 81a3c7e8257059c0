"""Samples of a user's own, made, saved and opened as a task."""

from __future__ import annotations

import numpy as np

from dlbench.spec.source import input_spec
from dlbench.tasks import TaskRequest, open_task, random_stream

COUNT, CLASSES = 60, 3


def made(count=COUNT, classes=CLASSES):
    """Points of three kinds (n, 4), each kind about a corner of its own."""
    generator = random_stream(3)
    labels = generator.integers(0, classes, count)
    labels[:classes] = range(classes)
    corners = 3.0 * np.eye(4)[labels]
    return (corners + generator.normal(size=(count, 4))).astype(np.float32), labels


def opened(file="samples.npz", batch_size=8, **more):
    for name in more.keys() & {"outputs", "targets"}:
        more[name] = input_spec(more[name])
    if "inputs" in more:
        more["inputs"] = tuple(map(input_spec, more["inputs"]))
    return open_task("data", TaskRequest("small", batch_size, data=file, **more))


def saved(folder, name="samples.npz", **arrays):
    np.savez(folder / name, **arrays)
    return opened(name)
