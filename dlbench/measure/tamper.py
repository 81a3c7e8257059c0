"""Clocks, collector and harness as they were before any plugin was loaded, and whether they still are.

This module is imported before a plugin is: what it holds is what Python came with. `dlbench.measure.timing` calls the
functions that it bound itself, so that replacing `time.perf_counter` changes no figure; it is named all the same.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterable
from types import ModuleType

import numpy as np

from dlbench.errors import ContractViolation
from dlbench.measure import timing

_CLOCKS = ("time", "perf_counter", "monotonic", "process_time", "thread_time")
_HELD: tuple[tuple[ModuleType | type, str], ...] = (
    *((time, f"{name}{unit}") for name in _CLOCKS for unit in ("", "_ns")),
    *((gc, name) for name in ("collect", "enable", "disable", "isenabled", "freeze", "unfreeze")),
    *((np, name) for name in ("asarray", "array", "isfinite", "array_equal", "allclose")),
    *((timing, name) for name in ("Sampler", "Clock", "perf_counter_ns", "process_time_ns", "monotonic_ns")),
    *((timing, name) for name in ("collect", "enable", "disable")),
    (timing.Sampler, "take"),
)
_FIRST = {(of.__name__, name): (of, getattr(of, name)) for of, name in _HELD}
_THRESHOLDS, _ENABLED = gc.get_threshold(), gc.isenabled()


def replaced() -> list[str]:
    """The names of what is no longer what it was, `time.perf_counter` and the like."""
    return [f"{of}.{name}" for (of, name), (owner, first) in _FIRST.items() if getattr(owner, name, None) is not first]


def problem() -> str:
    """A change of clocks, collector or harness, in words; empty where they were left alone."""
    if names := replaced():
        return f"{_listed(names)} replaced after dlbench was loaded; leave clocks, gc, NumPy and dlbench alone"
    if gc.get_threshold() != _THRESHOLDS:
        return f"the thresholds of gc went from {_THRESHOLDS} to {gc.get_threshold()}; leave them as they are"
    if _ENABLED and not gc.isenabled():
        return "gc was switched off; leave it on: no sample holds a collection anyway"
    return ""


FEWEST = 3
"""Samples that must say so: in one or two the process may have lost its core between the readings of two clocks."""


def apart(watch: timing.Watch) -> str:
    """The contradiction of two clocks in most samples, in words; empty where they agree."""
    if watch.apart < FEWEST or 2 * watch.apart <= watch.samples:
        return ""
    return (
        f"the clock of its samples counted {watch.seconds:.3g} s and a second clock {watch.other:.3g} s for the same "
        "steps; somebody changed a clock, and no figure is read from it"
    )


def require_untouched(plugin: str, watches: Iterable[timing.Watch] = ()) -> None:
    """Raise ContractViolation where clocks, collector or harness were changed."""
    if found := problem() or next(filter(None, map(apart, watches)), ""):
        raise ContractViolation(f"plugin {plugin}: {found}")


def _listed(names: list[str]) -> str:
    return f"{', '.join(names)} {'was' if len(names) == 1 else 'were'}"
