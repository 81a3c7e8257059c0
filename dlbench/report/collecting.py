"""Garbage collection while a report is made."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager

THRESHOLDS = (2_000_000, 50, 100)
"""Objects made between two collections, and collections between those of older generations; 700, 10 and 10 are usual.

A report of 10,000 Runs takes a quarter less time with them (`python -m studies.report_speed markdown`).
"""


@contextmanager
def rare() -> Iterator[None]:
    """Rare collections meanwhile: Runs and figures are many small objects, and hold no cycles that memory waits for."""
    usual = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
