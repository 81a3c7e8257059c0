"""Cost of a verdict: the seconds that the groups of a workload took, by activity."""

from __future__ import annotations

import math
from collections.abc import Sequence

from dlbench.record.schema import BESIDE, BETWEEN, CLOSING, IDLE, Record, Run, Together
from dlbench.stats.ranges import Seconds

REST = "rest"
"""Seconds of no other part: training to a target, programs beside an arm of several workers, the ends of processes."""
ONCE = {
    "pilot": "pilot",
    "start": "start",
    "import": "import",
    "build": "build",
    "first_step": "build",
    BESIDE: "starting together",
    "first_step_warm": "second compilation",
    BETWEEN: "between samples",
    IDLE: "idle",
    CLOSING: "closing",
}
"""The part that each time of a Run belongs to."""
STAGES = {"warm-up": "warm-up", "steady": "steady", "latency": "latencies"}


class Cost(Record, frozen=True):
    """Seconds of all groups of a workload, and by part, of all its processes; parts that took nothing are left out.

    Processes that start at the same time overlap, so the parts may come to more than the groups took.
    """

    seconds: Seconds
    groups: int
    parts: dict[str, float]


def of(runs: Sequence[Run]) -> Cost:
    """The cost of these Runs of one workload; times that older records lack are among the rest."""
    walls: dict[Together, float] = {}
    parts = dict.fromkeys([*ONCE.values(), *STAGES.values()], 0.0)
    staged: dict[str, float] = dict.fromkeys(STAGES, 0.0)
    for run in runs:
        walls[run.together] = max(run.wall_seconds, walls.get(run.together, 0.0))
        for time in run.times:
            if time.phase in ONCE:
                parts[ONCE[time.phase]] += time.seconds
        for sample in run.samples:
            if (stage := sample.stage) in staged:
                staged[stage] += sample.seconds
    parts |= {STAGES[stage]: seconds for stage, seconds in staged.items()}
    groups = math.fsum(walls.values())
    within = math.fsum(seconds for part, seconds in parts.items() if part != "pilot")  # pilots run before their group
    parts[REST] = max(0.0, groups - within)
    took = {part: seconds for part, seconds in parts.items() if seconds > 0}
    return Cost(seconds=groups + parts["pilot"], groups=len(walls), parts=took)
