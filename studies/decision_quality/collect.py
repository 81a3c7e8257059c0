"""Collects batches for as long as there is time, the rarest kind of the pool first, so that any pool is balanced."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from dlbench.analysis import effort, evidence
from dlbench.stats import rounds
from dlbench.stats.interim import INTERIM_GROUPS
from studies.decision_quality import pool
from studies.decision_quality.groups import BASE, arms, of, run_of
from studies.decision_quality.measure import Bench
from studies.decision_quality.neighbours import ROOT, neighbours
from studies.decision_quality.pool import Batch, Kind
from studies.decision_quality.workloads import CYCLE, POLICY, SLOWDOWNS

KINDS: tuple[Kind, ...] = ("lockstep", "sequential")


@dataclass(frozen=True)
class Plan:
    """Addition to a pool: workloads, seconds, neighbours and their share of time at work, arms, kinds of batches."""

    workloads: Sequence[str]
    seconds: float
    neighbours: int = 0
    duty: float = 0.5
    arms: Sequence[str] = tuple(SLOWDOWNS)
    kinds: Sequence[Kind] = KINDS


def collect(path: Path, plan: Plan, say: Callable[[str], None]) -> None:
    """Append batches to the pool until the time is up; a batch that would overrun it is not begun.

    Raises ChildError or RuntimeError when a program cannot be measured; collected batches stay. Raises ValueError for a
    pool of another plan.
    """
    deadline, held = time.monotonic() + plan.seconds, pool.read(path)
    if any(batch.plan != (POLICY, POLICY.isolation) for batch in held):
        raise ValueError(f"{path} holds processes of another policy than today's; give another --pool")
    if any({taken.arm for taken in batch.processes} != set(plan.arms) for batch in held):
        raise ValueError(f"{path} holds other arms than {', '.join(plan.arms)}; give its own, or another --pool")
    numbers = Counter((batch.workload, batch.kind) for batch in held)
    longest: dict[tuple[str, Kind], float] = {}
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), str(ROOT / "studies" / "plugins")])
    with ExitStack() as stack:
        stack.enter_context(neighbours(plan.neighbours, plan.duty))
        while workload_and_kind := due(numbers, plan, longest, deadline - time.monotonic()):
            workload, kind = workload_and_kind
            begin, number = time.monotonic(), numbers[workload, kind]
            more = rounds_due([one for one in held if (one.workload, one.kind) == (workload, kind)])
            held.append(Bench(workload, plan.arms).measure(kind, number, plan.neighbours, plan.duty, more))
            pool.append(path, held[-1:])
            took = time.monotonic() - begin
            longest[workload, kind] = max(longest.get((workload, kind), 0.0), took)
            numbers[workload, kind] += 1
            say(f"{workload}: {kind} {number + 1} in {took:.1f} s, {deadline - time.monotonic():.0f} s left")


def rounds_due(batches: Sequence[Batch]) -> int | None:
    """Rounds of the next group in lockstep, by those of its session so far, as in a session of the product."""
    so_far = batches[len(batches) - len(batches) % CYCLE :]
    if not so_far or so_far[0].kind != "lockstep":
        return None
    runs = [run_of(one, taken) for one in so_far for taken in one.processes]
    pairs = [[(run_of(one, of(one, arm)), run_of(one, of(one, BASE))) for one in so_far] for arm in arms(so_far)[1:]]
    analysed = next(number for number in INTERIM_GROUPS if number > len(so_far))
    cost, least = effort.overhead(runs), POLICY.samples
    ratios = [[evidence.round_log_ratios(before, after) for after, before in of_arm] for of_arm in pairs]
    return max(rounds.due(of_arm, cost, analysed, least) for of_arm in ratios)


def due(
    numbers: Mapping[tuple[str, Kind], int],
    plan: Plan,
    longest: Mapping[tuple[str, Kind], float],
    left: float,
) -> tuple[str, Kind] | None:
    """Batch that the pool has fewest of, among those that fit into the seconds left."""
    fitting = [
        (workload, kind)
        for workload in plan.workloads
        for kind in plan.kinds
        if longest.get((workload, kind), 0.0) < left
    ]
    return min(fitting, key=lambda each: numbers.get(each, 0), default=None) if left > 0 else None
