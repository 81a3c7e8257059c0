"""The clauses on the barrier: once the loss was read, the work of the step is done, wherever it was done."""

from __future__ import annotations

from functools import partial
from typing import Any

from dlbench.conformance.model import Model, ModelsUnderTest, require
from dlbench.measure import escapes


def the_barrier_holds(session: ModelsUnderTest) -> None:
    """Once the loss was read no CPU time is spent on the step."""
    found = escapes.in_cpu_time(_steps(session.plain))
    require(not found, found)


def no_work_outlives_the_barrier(session: ModelsUnderTest) -> None:
    """Two steps take twice as long as one: a line through both that begins below zero says that work escaped."""
    found = escapes.by_the_line(_steps(session.plain))
    require(not found, found)


def _steps(model: Model) -> escapes.Take:
    """Steps on one batch, and the reading of the last loss."""
    return partial(_take, model, model.batch(0))


def _take(model: Model, batch: Any, steps: int) -> None:
    call = model.call
    for _ in range(steps - 1):
        call(batch)
    model.step(batch)
