"""The arms of a workload that its charts show, each with a shade of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from dlbench.analysis import pairs
from dlbench.record.schema import Run
from dlbench.report.section import Arm, Section

MOST_ARMS = 8
"""Arms that a chart tells apart by colour."""


class Drawn(NamedTuple):
    """An arm of a chart, with its Runs that ended well; `name` is its label without the architecture."""

    arm: Arm
    name: str
    shade: int
    runs: Sequence[Run]


class DrawnArms(NamedTuple):
    """Arms of a chart; `note` says how many are left out."""

    arms: Sequence[Drawn]
    note: str = ""


def name_of(section: Section, label: str) -> str:
    """`tf jit`: all arms of a workload have its architecture."""
    return label.replace(f".{section.workload.architecture}", "", 1)


def drawn_arms(section: Section, runs: Sequence[Run], shades: Mapping[str, int]) -> DrawnArms:
    """The arms that ran. Of more than a chart holds these are the first, the baseline of others, and the fastest."""
    well = [arm for arm in section.arms if arm.ok]
    fastest = {arm.label for arm in [*well[:1], *sorted(well[1:], key=_seconds)[: MOST_ARMS - 1]]}
    chosen = [arm for arm in well if arm.label in fastest]
    of_arm = pairs.arms(run for run in runs if run.ok)
    note = f"{len(chosen)} of {len(well)} arms: the first and the fastest." if len(chosen) < len(well) else ""
    names = [name_of(section, arm.label) for arm in chosen]
    drawn = (
        Drawn(arm, name, shades.get(name, at), of_arm.get(arm.label, ()))
        for at, (arm, name) in enumerate(zip(chosen, names, strict=True))
    )
    return DrawnArms(list(drawn), note)


def _seconds(arm: Arm) -> float:
    """Step time to sort by; an arm without one comes last."""
    found = arm.metrics.get("step_time")
    return found.value if found is not None else float("inf")
