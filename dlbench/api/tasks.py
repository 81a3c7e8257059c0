"""Facts of the tasks: inputs, expected outputs, and the quality that counts as trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from dlbench.errors import DlbenchError
from dlbench.plugin import ArraySpec, Signature
from dlbench.tasks import Task, TaskRequest, TaskRow, open_task, row_of
from dlbench.tasks.signatures import ranges_of

BATCH = 2
"""Samples in the batch that is looked at: its axis is named, not counted."""
MADE_TO_MEASURE = "its arrays are those of the model"


class Facts(NamedTuple):
    """Shapes with the names of their axes, types, kind of label, loss, metric and target, in words."""

    inputs: str
    targets: str
    outputs: str
    loss: str
    quality: str


def facts(name: str) -> Facts:
    """The facts of a task for the size small, whose data is read. Raises as `open_task` does."""
    axes, sizes = row_of(name).axes, [open_task(name, TaskRequest(size, BATCH)) for size in ("small", "base")]
    signature = sizes[0].signature
    named = axes if len(axes) == len(signature.inputs.shape) - 1 else ()
    return Facts(
        inputs="; ".join(
            f"{_array(one, named)}{f', below {below}' if below else ''}"
            for one, below in zip((signature.inputs, *signature.further), ranges_of(signature), strict=True)
        ),
        targets=f"{_array(signature.targets)}{_label(signature)}",
        outputs=_array(signature.outputs),
        loss=signature.loss,
        quality=_quality(sizes),
    )


def explained(name: str) -> tuple[TaskRow | None, Facts | str]:
    """The row of a task, None if it cannot be imported, and its facts, or why there are none here."""
    try:
        row = row_of(name)
    except DlbenchError as error:
        return None, str(error)
    if not row.fits:
        return row, MADE_TO_MEASURE
    try:
        return row, facts(name)
    except DlbenchError as error:
        return row, str(error)


def _array(array: ArraySpec, axes: Sequence[str] = ()) -> str:
    """`(batch, height 28, width 28, channels 1) float32`."""
    lengths = [str(length) for length in array.shape[1:]]
    named = [" ".join(parts) for parts in zip(axes, lengths, strict=True)] if axes else lengths
    return f"({', '.join(['batch', *named])}) {array.dtype}"


def _label(signature: Signature) -> str:
    match signature.loss:
        case "cross_entropy":
            place = " at each place" if len(signature.targets.shape) > 1 else ""
            return f", one of {signature.outputs.shape[-1]} classes{place}"
        case "mse":
            return ", values"
        case "policy_gradient":
            return ", action and advantage"
        case "adversarial":
            return ", real images"
    return ""


def _quality(sizes: Sequence[Task]) -> str:
    """Metric and target of both sizes, once if they are the same."""
    first, info = sizes[0].info, [task.info for task in sizes]
    least = "at least" if first.higher_is_better else "at most"
    goals = list(dict.fromkeys(f"{one.target:g} within {one.budget_steps} steps" for one in info))
    return f"{first.metric} {least} {goals[0]}" + (f" (base: {goals[1]})" if len(goals) > 1 else "")
