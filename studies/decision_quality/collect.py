"""Collects batches for as long as there is time, the rarest kind of the pool first, so that any pool is balanced."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from studies.decision_quality import pool
from studies.decision_quality.measure import Bench
from studies.decision_quality.neighbours import ROOT, neighbours
from studies.decision_quality.pool import Kind
from studies.decision_quality.workloads import POLICY

KINDS: tuple[Kind, ...] = ("lockstep", "sequential")


@dataclass(frozen=True)
class Plan:
    """Addition to a pool: workloads, seconds, neighbours and their share of time at work."""

    workloads: Sequence[str]
    seconds: float
    neighbours: int = 0
    duty: float = 0.5


def collect(path: Path, plan: Plan, say: Callable[[str], None]) -> None:
    """Append batches to the pool until the time is up; a batch that would overrun it is not begun.

    Raises ChildError or RuntimeError when a program cannot be measured; collected batches stay. Raises ValueError for a
    pool of another plan.
    """
    deadline, held = time.monotonic() + plan.seconds, pool.read(path)
    if any(batch.plan != (POLICY, POLICY.isolation) for batch in held):
        raise ValueError(f"{path} holds processes of another policy than today's; give another --pool")
    numbers = Counter((batch.workload, batch.kind) for batch in held)
    longest: dict[tuple[str, Kind], float] = {}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "studies" / "plugins")])
    with ExitStack() as stack:
        stack.enter_context(neighbours(plan.neighbours, plan.duty))
        while workload_and_kind := due(numbers, plan.workloads, longest, deadline - time.monotonic()):
            workload, kind = workload_and_kind
            begin, number = time.monotonic(), numbers[workload, kind]
            pool.append(path, [Bench(workload).measure(kind, number, plan.neighbours, plan.duty)])
            took = time.monotonic() - begin
            longest[workload, kind] = max(longest.get((workload, kind), 0.0), took)
            numbers[workload, kind] += 1
            say(f"{workload}: {kind} {number + 1} in {took:.1f} s, {deadline - time.monotonic():.0f} s left")


def due(
    numbers: Mapping[tuple[str, Kind], int],
    workloads: Sequence[str],
    longest: Mapping[tuple[str, Kind], float],
    left: float,
) -> tuple[str, Kind] | None:
    """Batch that the pool has fewest of, among those that fit into the seconds left."""
    fitting = [
        (workload, kind) for workload in workloads for kind in KINDS if longest.get((workload, kind), 0.0) < left
    ]
    return min(fitting, key=lambda each: numbers.get(each, 0), default=None) if left > 0 else None
