"""Memory by phase: the peak of each phase of a process, on the host and on a device."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import Run
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.charts.arms import Drawn, DrawnArms
from dlbench.report.units import format_value

HOST = {"memory_task": "data", "memory_build": "build", "memory_first_step": "first step", "memory_steady": "steps"}
"""Metrics of the phases in their order, with their names."""


def charts(drawn: DrawnArms) -> Iterator[Chart]:
    """The host's memory above that of an imported framework, and the device's if there is one."""
    host = {
        one.arm.label: {name: one.arm.metrics[key].value for key, name in HOST.items() if key in one.arm.metrics}
        for one in drawn.arms
    }
    device = {one.arm.label: _on_device(one.runs) for one in drawn.arms}
    yield from _chart("Host memory above import, peak by phase", list(HOST.values()), host, drawn)
    phases = list(dict.fromkeys(phase for of_arm in device.values() for phase in of_arm))
    yield from _chart("Device memory, peak by phase", phases, device, drawn)


def _chart(
    title: str, phases: Sequence[str], found: Mapping[str, Mapping[str, float]], drawn: DrawnArms
) -> Iterator[Chart]:
    """A line for each arm from phase to phase; none without figures."""
    if not any(found.values()):
        return
    yield Chart(
        kind="lines",
        title=title,
        said="; ".join(_words(label, of_arm) for label, of_arm in found.items()) + ".",
        x=Axis("", names=phases),
        y=Axis("Memory", METRICS["memory_peak"].unit),
        series=[_line(one, phases, found[one.arm.label]) for one in drawn.arms],
        note=drawn.note,
    )


def _line(one: Drawn, phases: Sequence[str], found: Mapping[str, float]) -> Series:
    points = [Point(at, found[phase]) for at, phase in enumerate(phases) if phase in found]
    return Series(one.name, points, one.shade)


def _on_device(runs: Sequence[Run]) -> dict[str, float]:
    """Median over processes of the peak bytes of each phase."""
    peaks: dict[str, list[float]] = {}
    for mark in (mark for run in runs for mark in run.memory):
        if mark.device_peak_bytes is not None:
            peaks.setdefault(mark.phase.replace("_", " "), []).append(mark.device_peak_bytes)
    return {phase: statistics.median(values) for phase, values in peaks.items()}


def _words(label: str, found: Mapping[str, float]) -> str:
    parts = (f"{phase} {format_value(value, 'bytes')}" for phase, value in found.items())
    return f"{label}: {', '.join(parts) or 'not known'}"
