"""Requests of a bisection, and what one would do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dlbench.analysis.metrics import METRICS
from dlbench.api.request import RunRequest
from dlbench.errors import UnknownName
from dlbench.stats.bisection import strip
from dlbench.workers.environments.cache import Cache
from dlbench.workers.environments.ranges import Found

PROCESS = 5
"""Seconds of a process, for an estimate before anything is measured."""
ERROR = "error"
"""The metric of a search that no Run has: errors are computed apart (`dlbench.parity.fidelity`)."""
METRIC = {
    "time": "step_time",
    "memory": "memory_peak",
    "compile": "compile_time",
    "quality": "quality_at_budget",
}
"""Short words for metrics of a search."""


@dataclass(frozen=True)
class Request:
    """Checked request of `dlbench bisect`; `words` are those of its command.

    `options` are those of its command that `dlbench run` has too. The cache keeps its environments as long as this
    lives.
    """

    found: Found
    run: RunRequest
    given: Mapping[str, Any]
    metric: str
    folder: Path
    seconds: float | None
    whole: bool
    words: tuple[str, ...]
    options: tuple[str, ...]
    resume: bool
    cache: Cache = field(default_factory=Cache)


def metric_of(word: str) -> str:
    """The metric of a search by its word. Raises UnknownName."""
    name = METRIC.get(word, word)
    if name not in METRICS and name != ERROR:
        raise UnknownName("metric", word, [*METRIC, ERROR, *METRICS])
    return name


def _minutes(trials: int, groups: int) -> str:
    """Minutes of so many groups a trial, of three members each."""
    return f"{trials * groups * 3 * PROCESS / 60:.0f}"


def outline(asked: Request) -> list[str]:
    """Lines on what a search would do: its environments, its trials and its minutes."""
    places = len(asked.found.candidates)
    trials = (
        math.ceil((places - 1) / (strip.TOGETHER - 2)) if asked.whole else 2 + math.ceil(math.log2(max(places - 1, 1)))
    )
    made = places if asked.whole else min(places, trials)
    names = [one.name for one in asked.found.candidates]
    return [
        f"{asked.found.subject}: {places} members, {names[0]} to {names[-1]}",
        f"{'all' if asked.whole else 'about'} {made} environments, {trials} trials of 6 to 45 groups",
        f"about {_minutes(trials, 6)} to {_minutes(trials, 45)} minutes, if a process takes {PROCESS} s",
        *(f"  {one.name}  {one.title or ' '.join(one.recipe.words)}" for one in asked.found.candidates),
    ]
