"""Memory for functions of a Run: a Run never changes, so each is looked at once, and forgotten with the Run."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from dlbench.record.schema import Run

T = TypeVar("T")


def by_run(of: Callable[[Run], T]) -> Callable[[Run], T]:
    """The function with its results kept for as long as their Runs live; callers must not change a result.

    Runs are told apart by identity: to compare their samples would cost as much as to look at them again.
    """
    known: dict[int, tuple[weakref.ref[Run], T]] = {}

    @wraps(of)
    def looked_up(run: Run) -> T:
        key = id(run)
        found = known.get(key)
        if found is not None and found[0]() is run:
            return found[1]
        result = of(run)
        known[key] = (weakref.ref(run, lambda _: known.pop(key, None)), result)
        return result

    return looked_up
