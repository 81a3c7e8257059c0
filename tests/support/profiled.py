"""Profiles as tests write them: events in milliseconds, within a step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from dlbench.measure.profiling.attribution import attribute
from dlbench.measure.profiling.spans import window
from dlbench.plugin import STEP, ProfileEvent
from dlbench.record.explanation import Op


def event(name: str, category: Any, start: float, end: float, thread: int = 1, **more: Any) -> ProfileEvent:
    """An event from and to these milliseconds."""
    return ProfileEvent(
        name=name, category=category, start=start * 1e-3, seconds=(end - start) * 1e-3, thread=thread, **more
    )


def step(end: float, thread: int = 1) -> ProfileEvent:
    """The span of a step from 0 to these milliseconds."""
    return event(STEP, "Python", 0, end, thread)


def account(events: Iterable[ProfileEvent], steps: int = 1) -> dict[tuple[str, str], Op]:
    """The account of these events, whose step took as long as it says, by category and name, in milliseconds."""
    events = list(events)
    seconds = next((one.seconds for one in events if one.name == STEP), 1.0)
    return {(op.category, op.name): op for op in attribute("a.b", window("a.b", events, seconds), steps).ops}


def milliseconds(events: Iterable[ProfileEvent], steps: int = 1) -> dict[str, float]:
    """Attributed wall milliseconds by name."""
    return {name: round(op.seconds * 1e3, 6) for (_, name), op in account(events, steps).items()}
