"""Profiles of a prediction: the nodes of every run, by the runtime's own account, and the categories of their types."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from dlbench.plugin import STEP, UNATTRIBUTED, ProfileEvent
from dlbench.plugin_kit import category_table

TYPES = category_table("dlbench_onnx")
"""Types of nodes of ONNX and ONNX Runtime, and of OpenVINO's CPU plugin, by category."""
Shapes = tuple[tuple[int, ...], ...]


def node(kind: str, start: float, seconds: float, shapes: Shapes = ()) -> ProfileEvent:
    """A node of a run: its type, seconds from the run's start until it began, its seconds, and shapes of operands."""
    category = TYPES.get(kind, UNATTRIBUTED)
    return ProfileEvent(name=kind, category=category, start=start, seconds=seconds, shapes=shapes)


class Recorder(NamedTuple):
    """A second session of the same model that records its runs, and the nodes of the last ones, by seconds of each."""

    run: Callable[[Sequence[Any]], Any]
    nodes: Callable[[Sequence[float]], Sequence[Sequence[ProfileEvent]]]


def events(
    title: str, recorder: Recorder, step: Callable[[Callable[[Sequence[Any]], Any]], None]
) -> Iterator[ProfileEvent]:
    """Call the step with a run that records, and yield its events."""
    calls: list[tuple[float, float]] = []

    def run(inputs: Sequence[Any]) -> Any:
        start = time.perf_counter()
        found = recorder.run(inputs)
        calls.append((start, time.perf_counter() - start))
        return found

    begin = time.perf_counter()
    step(run)
    yield ProfileEvent(name=STEP, category="Python", start=begin, seconds=time.perf_counter() - begin)
    for (start, seconds), nodes in zip(calls, recorder.nodes([seconds for _, seconds in calls]), strict=True):
        yield ProfileEvent(name=f"{title}: a run", category="dispatch", start=start, seconds=seconds, count=0)
        yield from (msgspec.structs.replace(one, start=start + one.start) for one in nodes)
