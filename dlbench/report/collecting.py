"""Garbage collection while a report is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """No collections meanwhile: Runs and figures are many small objects, and hold no cycles that memory waits for.

    What was made meanwhile is old afterwards, or the next collection would look at all of it at once.
    """
    usual = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.unfreeze()
        if usual:
            gc.enable()
