"""Tasks: seeded data, a loss, a quality metric and a target.

A task is a module with an `open_task(TaskRequest)` that returns a `Task`, and one row in `TASKS`. Data is made from a
seed, or comes from CPython or from files that packages ship. It is checked by its SHA-256, and only `dlbench fetch`
downloads any.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, runtime_checkable

from dlbench.errors import DlbenchError, SpecError, UnknownName
from dlbench.plugin import Adam, Batch, Signature
from dlbench.record.schema import TaskInfo
from dlbench.tasks import data_files
from dlbench.tasks.data_files import Shipped, present


class TaskRow(NamedTuple):
    """A task as `dlbench list` shows it, known without importing its module.

    `fits` are the architectures of the core that can close it; `open_task` refuses no others, as the core does not
    describe them. `needs` is what the task reads beside this package and CPython.
    """

    module: str
    summary: str
    fits: tuple[str, ...]
    needs: Shipped | None = None

    @property
    def ready(self) -> bool:
        """Whether all that it reads is here."""
        return self.needs is None or present(self.needs)


SEQUENCES = ("gru", "lstm", "rnn", "transformer")
TASKS = {
    "cartpole": TaskRow(
        "dlbench.tasks.cartpole", "balancing a pole by acting; policy gradient", ("mlp",), data_files.CARTPOLE
    ),
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
    "text": TaskRow(
        "dlbench.tasks.text", "next character of English help texts that CPython ships; cross-entropy", ("transformer",)
    ),
    "vowels": TaskRow(
        "dlbench.tasks.vowels", "who says these Japanese vowels; cross-entropy", ("mlp", *SEQUENCES), data_files.VOWELS
    ),
}


@dataclass(frozen=True)
class TaskRequest:
    """How to open a task: `size` chooses the goal, `input_shape` is what the architecture is stated for."""

    size: str
    batch_size: int
    input_shape: tuple[int, ...] | None = None


class Task(Protocol):
    """Data and goal of one model. All arrays are NumPy, all batches have exactly the batch size of the request."""

    @property
    def info(self) -> TaskInfo:
        """Data, metric, target: what the record keeps."""
        ...

    @property
    def signature(self) -> Signature:
        """What goes into the model and what must come out."""
        ...

    @property
    def optimizer(self) -> Adam:
        """The optimizer that reached the target."""
        ...

    @property
    def evaluate_every(self) -> int:
        """Steps between two evaluations."""
        ...

    def batch(self, seed: int, step: int) -> Batch:
        """The training batch of step 0, 1, ...: depends on nothing but the data, seed and step."""
        ...

    def evaluate(self, predict: Callable[[Any], Any]) -> float:
        """Quality on held-out data, in the metric's unit."""
        ...


@runtime_checkable
class LearnsByActing(Protocol):
    """The capability of a task whose training batches depend on the model: it owns an environment to act in."""

    def batches(self, seed: int, predict: Callable[[Any], Any]) -> Iterator[Batch]:
        """The training batches of step 0, 1, ...; each is asked for after the step before it was taken."""
        ...


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
            data_files.find(needs, name)


def fitting(architecture: str) -> list[str]:
    """The tasks that this architecture of the core can close."""
    return [name for name, row in TASKS.items() if architecture in row.fits]
