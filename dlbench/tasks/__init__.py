"""Tasks: seeded data, a loss, a quality metric and a target.

A task is a module with an `open_task(TaskRequest)` that fills a `Task`, and one row in `TASKS`. Data is made from a
seed, or comes from CPython or from files that packages ship. It is checked by its SHA-256, and only `dlbench fetch`
downloads any.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from dlbench.errors import DlbenchError, SpecError, UnknownName
from dlbench.record.schema import TaskInfo
from dlbench.tasks import data_files
from dlbench.tasks.data_files import Shipped, checksum, find_files, present, verify
from dlbench.tasks.task import Task, TaskRequest

if TYPE_CHECKING:
    from dlbench.tasks.arrays import from_arrays
    from dlbench.tasks.targets import Metric, Target, random_stream


_LAZY = {"Metric": "targets", "Target": "targets", "from_arrays": "arrays", "random_stream": "targets"}
"""Public names whose modules import NumPy, which listing must not wait for."""

__all__ = [
    "TASKS",
    "Metric",
    "Shipped",
    "Target",
    "Task",
    "TaskInfo",
    "TaskRequest",
    "TaskRow",
    "check_data",
    "checksum",
    "find_files",
    "fitting",
    "from_arrays",
    "open_task",
    "random_stream",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


class TaskRow(NamedTuple):
    """A task as `dlbench list` shows it, known without importing its module.

    `fits` are the architectures of the core that can close it, `*` for any; `open_task` refuses no others, as the core
    does not describe them. A task without any is made to measure, for models that no package brings. `needs` is what
    the task reads beside this package and CPython.
    """

    module: str
    summary: str
    fits: tuple[str, ...]
    needs: Shipped | None = None

    @property
    def of(self) -> str:
        """What it is for, in words."""
        return ", ".join(self.fits).replace("*", "any architecture") or "models of your own"

    @property
    def ready(self) -> bool:
        """Whether all that it reads is here."""
        return self.needs is None or present(self.needs)


SEQUENCES = ("gru", "lstm", "rnn", "transformer")
TASKS = {
    "cartpole": TaskRow(
        "dlbench.tasks.cartpole", "balancing a pole by acting; policy gradient", ("mlp",), data_files.CARTPOLE
    ),
    "data": TaskRow("dlbench.tasks.data", "samples of a file of your own (--data); its own loss", ()),
    "demand": TaskRow(
        "dlbench.tasks.demand", "half-hourly electricity demand; mean squared error", SEQUENCES[:3], data_files.DEMAND
    ),
    "digits": TaskRow("dlbench.tasks.digits", "handwritten digits; cross-entropy", ("cnn", "mlp"), data_files.DIGITS),
    "digits_gan": TaskRow(
        "dlbench.tasks.digits_gan", "generating handwritten digits; adversarial loss", ("gan",), data_files.DIGITS
    ),
    "line": TaskRow(
        "dlbench.tasks.line", "a noisy line in eight dimensions, made from its seed; MSE", ("linear", "mlp")
    ),
    "sentiment": TaskRow(
        "dlbench.tasks.sentiment",
        "good and bad reviews in Chinese; cross-entropy",
        ("gru", "lstm", "transformer"),
        data_files.REVIEWS,
    ),
    "synthetic": TaskRow(
        "dlbench.tasks.synthetic",
        "ten classes of samples of any shape, made from a seed; cross-entropy",
        ("cnn", "gru", "lstm", "mlp", "rnn"),
    ),
    "synthetic_gan": TaskRow(
        "dlbench.tasks.synthetic_gan", "generating images like some made from a seed; adversarial loss", ("gan",)
    ),
    "synthetic_inputs": TaskRow(
        "dlbench.tasks.synthetic_inputs", "samples for a model of your own, made from a seed; its own loss", ()
    ),
    "text": TaskRow(
        "dlbench.tasks.text", "next character of English help texts that CPython ships; cross-entropy", ("transformer",)
    ),
    "vowels": TaskRow(
        "dlbench.tasks.vowels", "who says these Japanese vowels; cross-entropy", ("mlp", *SEQUENCES), data_files.VOWELS
    ),
}


def open_task(name: str, request: TaskRequest) -> Task:
    """Load and check a task's data. Raises UnknownName, and SpecError when the data is not what it should be."""
    if name not in TASKS:
        raise UnknownName("task", name, TASKS)
    row = TASKS[name]
    module = importlib.import_module(row.module)
    try:
        task: Task = module.open_task(request)
    except DlbenchError:
        raise
    except Exception as error:
        if row.needs is None:
            raise
        why = f"{type(error).__name__}: {error}"
        raise SpecError(
            f"task {name}: its data cannot be read ({why}); get it anew: {row.needs.remedy(name)}"
        ) from error
    return task


def check_data(names: Iterable[str]) -> None:
    """Raise SpecError for the first of these tasks of which a file is not here; nothing is read."""
    for name in dict.fromkeys(names):
        if (needs := TASKS[name].needs) is not None:
            find_files(needs, name)


def fitting(architecture: str) -> list[str]:
    """The tasks that this architecture of the core can close."""
    return [name for name, row in TASKS.items() if {architecture, "*"} & set(row.fits)]
