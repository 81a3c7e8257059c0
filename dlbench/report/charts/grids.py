"""Throughput against batch size and against memory, where a grid spans several batch sizes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from dlbench.analysis.labels import Labels
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.charts.arms import MOST_ARMS, name_of
from dlbench.report.section import Section
from dlbench.report.units import format_value
from dlbench.spec import Workload

MEMORY = {"device_memory_peak": "Peak device memory", "memory_peak": "Peak memory above import"}
"""Metrics of memory, the device's first, with their titles."""


class _Place(NamedTuple):
    """Figures of an arm at one batch size."""

    batch_size: int
    throughput: float
    memory: dict[str, float]


def charts(sections: Sequence[Section], shades: Mapping[str, int]) -> Iterator[Chart]:
    """Two for each family of workloads that differ in their batch size alone; `shades` are those of arms by name."""
    families: dict[Workload, list[Section]] = {}
    for section in sections:
        families.setdefault(msgspec.structs.replace(section.workload, batch_size=1), []).append(section)
    names = Labels(families)
    for load, family in families.items():
        found = _places(family)
        if len({place.batch_size for of_arm in found.values() for place in of_arm}) > 1:
            yield from _of_family(names.title(load), found, shades)


def _places(family: Sequence[Section]) -> dict[str, list[_Place]]:
    """Figures of each arm by batch size, upwards."""
    found: dict[str, list[_Place]] = {}
    for section in sorted(family, key=lambda one: one.workload.batch_size):
        for arm in section.arms:
            if (throughput := arm.metrics.get("throughput")) is not None:
                memory = {name: arm.metrics[name].value for name in MEMORY if name in arm.metrics}
                place = _Place(section.workload.batch_size, throughput.value, memory)
                found.setdefault(name_of(section, arm.label), []).append(place)
    return found


def _of_family(title: str, found: dict[str, list[_Place]], shades: Mapping[str, int]) -> Iterator[Chart]:
    shown = dict(list(found.items())[:MOST_ARMS])
    note = f"The first {len(shown)} of {len(found)} arms." if len(shown) < len(found) else ""
    y = Axis("Throughput", "samples/s", logarithmic=True)
    shade = {label: shades.get(label, at) for at, label in enumerate(shown)}
    said = "; ".join(_words(label, places) for label, places in shown.items()) + "."
    by_batch = [
        Series(label, [Point(one.batch_size, one.throughput) for one in of_arm], shade[label])
        for label, of_arm in shown.items()
    ]
    x = Axis("Batch size", logarithmic=True)
    yield Chart("lines", f"{title}: throughput against batch size", said, x, y, by_batch, note=note)
    of_memory = next((name for name in MEMORY if any(one.memory.get(name) for of in shown.values() for one in of)), "")
    if of_memory:
        by_memory = [
            Series(
                label,
                [Point(one.memory[of_memory], one.throughput) for one in of_arm if of_memory in one.memory],
                shade[label],
            )
            for label, of_arm in shown.items()
        ]
        x = Axis(MEMORY[of_memory], "bytes", logarithmic=True)
        yield Chart("lines", f"{title}: throughput against memory", said, x, y, by_memory, note=note)


def _words(label: str, places: Sequence[_Place]) -> str:
    parts = (f"batch {one.batch_size} {format_value(one.throughput, 'samples/s')}" for one in places)
    return f"{label}: {', '.join(parts)}"
