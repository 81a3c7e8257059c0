"""Tasks: seeded data, a loss, a quality metric and a target.

A task is a function of a `TaskRequest` that fills a `Task`: `open_task` of a module here, with a row in `TASKS`, or an
entry point of the group `dlbench.tasks` in another package, which names such a function, or a `TaskRow` with one. Data
is made from a seed, or comes from CPython or from files that packages ship. It is checked by its SHA-256, and only
`dlbench fetch` downloads any.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from types import FunctionType
from typing import TYPE_CHECKING, Any

from dlbench.errors import ContractViolation, DlbenchError, SpecError, UnknownName, words
from dlbench.record.schema import TaskInfo
from dlbench.registry import offers
from dlbench.registry.entry_points import Entry
from dlbench.tasks.data_files import Shipped, checksum, find_files, verify
from dlbench.tasks.table import TASKS, TaskRow, fault, first_line, plain
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
    "entry_of",
    "find_files",
    "fits",
    "fitting",
    "from_arrays",
    "open_task",
    "random_stream",
    "row_of",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_LAZY[name]}"), name)


def open_task(name: str, request: TaskRequest) -> Task:
    """Load and check a task's data.

    Raises UnknownName, PluginLoadError or ContractViolation for a faulty task, and SpecError for missing or wrong data.
    """
    row = row_of(name)
    try:
        task = _function(row)(request)
    except DlbenchError:
        raise
    except Exception as error:
        why = " ".join(words.reason(error).split())
        if name not in TASKS:
            raise SpecError(f"task {name} of {_owner(name)} cannot be opened ({why})") from error
        if row.needs is None:
            raise
        raise SpecError(
            f"task {name}: its data cannot be read ({why}); get it again: {row.needs.remedy(name)}"
        ) from error
    if not isinstance(task, Task):
        found = words.bounded(repr(task), 100)
        raise ContractViolation(f"task {name} of {_owner(name)}: opening it returned {found}, which is no Task")
    return task


def row_of(name: str) -> TaskRow:
    """The row of a task; one of another package is imported.

    Raises UnknownName, PluginLoadError, and ContractViolation for anything but a function or a row with one.
    """
    if name in TASKS:
        return TASKS[name]
    entry = entry_of(name)
    if entry is None:
        raise UnknownName("task", name, names())
    found = offers.load(offers.TASKS, entry)
    row = found if isinstance(found, TaskRow) else TaskRow(found, _summary(found))
    if not callable(row.opens):
        raise ContractViolation(
            f"task {name} of {entry.distribution}: {entry.value} is {found!r}; it must be a function of a TaskRequest, "
            "or a TaskRow of one"
        )
    if wrong := fault(row.summary, row.fits):
        raise ContractViolation(f"task {name} of {entry.distribution}: {wrong}")
    return plain(row)


def entry_of(name: str) -> Entry | None:
    """The entry point of a task of another package. Raises PluginLoadError when metadata shows that it cannot work."""
    return offers.find(offers.TASKS, name, TASKS)


def entries() -> list[Entry]:
    """The tasks of other packages, broken ones included; imports none of them."""
    return offers.entries(offers.TASKS, TASKS)


def offered() -> list[tuple[Entry, TaskRow | None]]:
    """The tasks of other packages, each with its row as far as its source states it; imports none of them."""
    if not (found := entries()):
        return []  # without a parser of Python
    from dlbench.tasks import unopened

    return list(map(unopened.looked_at, found))


def names() -> list[str]:
    """All tasks that are not broken, dlbench's own first."""
    return [*TASKS, *(entry.name for entry in entries() if not entry.broken)]


def check_data(names: Iterable[str]) -> None:
    """Raise SpecError for the first of these tasks that lacks a file; nothing is read."""
    for name in dict.fromkeys(names):
        if (needs := row_of(name).needs) is not None:
            find_files(needs, name)


def fits(name: str, architecture: str) -> bool:
    """True if a task says that an architecture of the core can close it. Raises as `row_of` does."""
    return bool({architecture, "*"} & set(row_of(name).fits))


def fitting(architecture: str) -> list[str]:
    """The tasks of dlbench that this architecture of the core can close."""
    return [name for name in TASKS if fits(name, architecture)]


def _summary(found: object) -> str:
    """The first line of a function's docstring."""
    return first_line(found.__doc__) if isinstance(found, FunctionType) else ""


def _function(row: TaskRow) -> Callable[[TaskRequest], Task]:
    if callable(row.opens):
        return row.opens
    opens: Callable[[TaskRequest], Task] = importlib.import_module(row.opens).open_task
    return opens


def _owner(name: str) -> str:
    entry = None if name in TASKS else entry_of(name)
    return "dlbench" if entry is None else entry.distribution
