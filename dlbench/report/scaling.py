"""Scaling over workers: a table of every family of workloads that differ in their workers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec
from msgspec import UNSET

from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.scaling import exchange_share
from dlbench.report.document import Block, Details, Paragraph, Table
from dlbench.report.section import Arm, Section
from dlbench.report.units import format_interval
from dlbench.spec import AXES, Workload, workers

TITLE = "Scaling over workers"
COLUMNS = ("step_time", "throughput", "efficiency", "efficiency_beside")
HEAD = (
    *("", "Batch of each", "Step", "Throughput"),
    *("Efficiency: one alone", "Efficiency: as many apart", "Exchange"),
)
SAID = (
    "Step and throughput are of all workers. Efficiency is the work of each in a second: over that of one worker "
    "alone, and over that of each of as many workers apart, who step at the same time and exchange nothing, so that "
    "they contend for cores and memory just as much. The rest of the latter is the share of a step that exchanging "
    "gradients takes, waiting for the slowest worker included. All take turns; nothing of it is estimated. "
    "The row `workers` of requested and actual settings says how an arm exchanges, and whether its workers are devices "
    "of one process, which then has the threads and processors of all."
)


class Place(NamedTuple):
    """An arm with a number of workers."""

    arm: Arm
    number: int
    load: Workload


def families(sections: Sequence[Section]) -> Iterator[tuple[Workload, list[Place]]]:
    """Arms with several workers, and the same with one, by the workload of one."""
    found: dict[Workload, list[Place]] = {}
    for section in sections:
        load = section.workload
        places = [Place(arm, workers.count(load), load) for arm in section.arms if arm.ok]
        found.setdefault(msgspec.structs.replace(load, workers=UNSET, scaling=UNSET), []).extend(places)
    for load, places in found.items():
        if any(place.number > 1 for place in places):
            yield (
                load,
                sorted(places, key=lambda place: (place.arm.label, place.load.scaling is not UNSET, place.number)),
            )


def blocks(sections: Sequence[Section]) -> Iterator[Block]:
    """A fold with a table for each family; nothing without workers."""
    found = list(families(sections))
    if not found:
        return
    names = Labels(load for load, _ in found)
    parts: list[Block] = [Paragraph(SAID)]
    for load, places in found:
        rows = [[name_of(place), str(workers.share_size(place.load)), *_cells(place.arm)] for place in places]
        parts.append(Table([names.title(load), *HEAD[1:]], rows))
    yield Details(TITLE, parts, unfolded=True)


def name_of(place: Place) -> str:
    """An arm and its number of workers."""
    strong = f", {AXES['scaling'].told(place.load.scaling)}" if place.load.scaling is not UNSET else ""
    return f"{place.arm.label}, {place.number} worker{'s' if place.number > 1 else ''}{strong}"


def _cells(arm: Arm) -> list[str]:
    found = [(arm.metrics.get(name), METRICS[name].unit) for name in COLUMNS]
    beside = arm.metrics.get("efficiency_beside")
    found.append((None if beside is None else exchange_share(beside), "%"))
    return [format_interval(value, unit) if value is not None else "–" for value, unit in found]
