"""A pool of groups of a whole grid, measured as `dlbench tune` measures one: its plan, its parts, its isolation."""

from __future__ import annotations

import math
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from dlbench.api import keywords
from dlbench.api.progress import Lines
from dlbench.api.request import RunRequest
from dlbench.api.tune import arms, folders
from dlbench.api.tune.ratios import log_ratio
from dlbench.api.tune.request import given
from dlbench.api.tune.rounds import Deadline, Rounds
from dlbench.api.tune.told import Told
from dlbench.record.reading import read_plan, read_runs
from dlbench.record.schema import BESIDE_SAMPLES, PLAN_FILE, RUNS_FILE, Run
from dlbench.spec import Spec
from dlbench.stats.tuning.race import Exhausted
from dlbench.workers.backends import Starter

GROUPS = 25
"""Those of the longest race, and the ten in which nearly every confirmation ends."""
GRID: Mapping[str, Any] = {
    "plugin": ("torch.mlp",),
    "phase": ("train",),
    "threads": (1,),
    "batch_size": (8, 16, 32, 64, 96, 128, 192, 256),
    "steps_per_call": (1, 4),
    "variant": ("plain=", "foreach=optimizer:foreach", "fused=optimizer:fused"),
}
"""8 × 2 × 3 settings for one core. No call of theirs is long: arms take turns, and a slow one makes all others wait."""


class Cell(msgspec.Struct):
    """An arm in a group.

    `value` is the logarithm of its seconds for a sample relative to the default, which was in its part too. `seconds`
    are its own, of which it `started` for some: to start the process and import the framework.
    """

    value: float
    seconds: float
    started: float = 0.0
    part: int = 0


class Pool(msgspec.Struct):
    """A grid by the names of its settings, the default first, their distances from it, and its groups."""

    names: list[str]
    distances: list[int]
    groups: list[list[Cell]]
    machine: str = ""


def collect(folder: Path, seconds: float, groups: int) -> None:
    """Measure what the folder lacks, for so many seconds at most."""
    run = RunRequest.read(given(GRID, keywords.complete({})))
    specs = arms.settings(run.subjects, run.policy)
    with folders.race(folder, specs, run.policy) as book, Starter() as start:
        told = Told(specs, Lines(lambda line: print(line, file=sys.stderr, flush=True)))
        rounds = Rounds(book, told, start, Deadline(seconds))
        try:
            for number in range(groups):
                rounds(number, range(len(specs)))
        except Exhausted as error:
            print(f"{error}: {number} groups are whole; call again to go on")
            return
    print(f"done: {groups} groups of {len(specs)} settings")


def pool_of(folder: Path) -> Pool:
    """The whole groups of a folder."""
    specs = read_plan(folder / folders.RACE / PLAN_FILE).specs
    runs = read_runs(folder / folders.RACE / RUNS_FILE)
    by_group: dict[int, list[Run]] = defaultdict(list)
    for run in runs:
        by_group[run.group].append(run)
    axes = arms.differing(specs)
    cells = [_cells(of_group, specs) for _, of_group in sorted(by_group.items())]
    load = [run.load.load_average for run in runs if run.load is not None and run.load.load_average is not None]
    at = runs[0].environment
    machine = f"{at.processor if at else ''}, load average {sum(load) / max(len(load), 1):.1f}"
    return Pool(
        [arms.name_of(spec, axes) for spec in specs],
        [arms.distance(spec, specs[0]) for spec in specs],
        [cell for cell in cells if cell is not None],
        machine,
    )


def _cells(runs: Sequence[Run], specs: Sequence[Spec]) -> list[Cell] | None:
    parts: dict[int, dict[Spec, Run]] = defaultdict(dict)
    for run in runs:
        parts[run.part][run.spec] = run
    found: dict[Spec, Cell] = {}
    for number, part in parts.items():
        whole = max(run.wall_seconds for run in part.values()) / math.fsum(map(_own, part.values()))
        for spec, run in part.items():
            value = log_ratio(part[specs[0]], run) if specs[0] in part else None
            if value is not None:
                found.setdefault(spec, Cell(value, whole * _own(run), whole * _started(run), number))
    return [found[spec] for spec in specs] if len(found) == len(specs) else None


def _own(run: Run) -> float:
    """Seconds of an arm's own work in its group, but for what lies beside its samples: the first pools lack that."""
    return math.fsum(time.seconds for time in run.times if time.phase not in BESIDE_SAMPLES) + math.fsum(
        sample.seconds for sample in run.samples
    )


def _started(run: Run) -> float:
    return math.fsum(time.seconds for time in run.times if time.phase in ("start", "import"))
