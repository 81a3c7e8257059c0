"""Memory for functions of a Run: a Run never changes, so each is looked at once, and the result is kept in the Run."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from dlbench.record.schema import Run

T = TypeVar("T")


def by_run(of: Callable[[Run], T]) -> Callable[[Run], T]:
    """The function with its results kept in their Runs, beside the fields; callers must not change a result.

    An equal Run does not share them: to compare samples would cost as much as to look at them again.
    """
    key: Any = object()  # closures of one name are several functions

    @wraps(of)
    def looked_up(run: Run) -> T:
        kept: dict[Any, T] = run.__dict__
        try:
            return kept[key]
        except KeyError:
            pass
        return kept.setdefault(key, of(run))

    return looked_up
