"""Samples of a file of the user's own (`--data`), with the last tenth, or a part of its own, held out.

Quality is accuracy for targets of classes, and the mean squared error for numbers.
"""

from __future__ import annotations

from dataclasses import replace

from msgspec import structs

from dlbench.errors import SpecError
from dlbench.registry.references import path_of
from dlbench.tasks import sample_files
from dlbench.tasks.arrays import from_arrays
from dlbench.tasks.task import Task, TaskRequest


def open_task(request: TaskRequest) -> Task:
    """The samples of the request's file, seen from the folder of the session. Raises SpecError."""
    if not request.data:
        raise SpecError("task data: no file was named; give --data FILE.npz, .npy or .csv")
    path = path_of(request.data)
    (inputs, targets), held_out = sample_files.parts(sample_files.read(path), path)
    task = from_arrays(request, inputs, targets, name=path.name, held_out=held_out)
    return replace(task, info=structs.replace(task.info, name="data"))
