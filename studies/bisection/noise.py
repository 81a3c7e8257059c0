"""Noise of real searches: the residuals of their groups, kept with each search and drawn from by simulated ones."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlbench.api.bisection import groups
from dlbench.record.reading import read_plan, read_runs
from dlbench.record.schema import PLAN_FILE, RUNS_FILE
from dlbench.stats.bisection.search import Trial

Noise = Mapping[str, Sequence[Sequence[float]]]
"""By the kind of a trial: for each group the logarithms of its members' ratios to the first one, less their medians."""

KINDS, METRIC = ("ends", "candidate", "confirmation"), "step_time"


def of_search(folder: Path) -> dict[str, list[list[float]]]:
    """Residuals of all groups of a search in this folder."""
    found: dict[str, list[list[float]]] = {}
    for plan in sorted(folder.glob(f"*/{PLAN_FILE}")):
        kind = plan.parent.name.split("-")[1]
        found.setdefault(kind, []).extend(_residuals(plan.parent))
    return found


def _residuals(place: Path) -> list[list[float]]:
    """Those of a trial, with the spread that its few groups take from them by their medians put back."""
    plan = read_plan(place / PLAN_FILE)
    names = {name: number for number, name in enumerate(plan.pythons)}
    trial = Trial(0, "ends", tuple(names.values()), 0, lambda _: None, 1.0)
    found = groups.by_member(trial, read_runs(place / RUNS_FILE), names)
    measured = groups.groups(trial, found, METRIC)
    if len(measured) < 2:
        return []
    middles = [statistics.median(one[member] for one in measured) for member in trial.members[1:]]
    back = math.sqrt(len(measured) / (len(measured) - 1))
    return [
        [round(back * (one[member] - middle), 6) for member, middle in zip(trial.members[1:], middles, strict=True)]
        for one in measured
    ]


def pooled(lines: Sequence[Mapping[str, Any]]) -> dict[str, list[list[float]]]:
    """The noise of all kept searches; empty if a kind of trial has none."""
    found: dict[str, list[list[float]]] = {}
    for one in lines:
        for kind, residuals in one.get("noise", {}).items():
            found.setdefault(kind, []).extend(residuals)
    return found if all(map(found.get, KINDS)) else {}


def drawn(noise: Noise, trial: Trial, generator: random.Random) -> list[float]:
    """The noise of a group of a trial: 0 for the first member, and for the others that of a real group of its kind."""
    fitting = [one for one in noise[trial.kind] if len(one) >= len(trial.members) - 1]
    return [0.0, *generator.choice(fitting)[: len(trial.members) - 1]]


def spread(noise: Noise) -> tuple[int, float, float]:
    """Number of ratios, the spread of one without its outliers (1.4826 MAD), and the share beyond four such spreads."""
    values = [abs(value) for residuals in noise.values() for one in residuals for value in one]
    middle = 1.4826 * statistics.median(values)
    return len(values), middle, sum(value > 4 * middle for value in values) / len(values)
