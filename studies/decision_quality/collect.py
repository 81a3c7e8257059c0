"""Collects batches for as long as there is time, the workload with the fewest first, so that any pool is balanced."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import msgspec

from dlbench.process import environment as child_environment
from studies.decision_quality import pool
from studies.decision_quality.neighbours import ROOT, neighbours
from studies.decision_quality.pool import Batch, Kind
from studies.decision_quality.warm import Request
from studies.decision_quality.workloads import WORKLOADS

KINDS: tuple[Kind, ...] = ("lockstep", "sequential")


class Warm:
    """The parent's handle on a warm parent."""

    def __init__(self, workload: str) -> None:
        environment = child_environment(os.environ, WORKLOADS[workload].threads)
        path = os.pathsep.join([str(ROOT), str(ROOT / "studies" / "plugins"), os.environ.get("PYTHONPATH", "")])
        self._process = subprocess.Popen(
            [sys.executable, "-m", "studies.decision_quality.warm", workload],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment | {"PYTHONPATH": path, "TF_CPP_MIN_LOG_LEVEL": "3"},
        )

    def measure(self, request: Request) -> Batch:
        """One batch. Raises RuntimeError when the warm parent died; it has said why on standard error."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(request) + b"\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"the warm parent ended with code {self._process.wait()}")
        return msgspec.json.decode(line, type=Batch)

    def close(self) -> None:
        """End it: its input ends."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


@dataclass(frozen=True)
class Plan:
    """What to add to a pool: of which workloads, for how many seconds, beside how many neighbours."""

    workloads: Sequence[str]
    seconds: float
    neighbours: int = 0


def collect(path: Path, plan: Plan, say: Callable[[str], None]) -> None:
    """Append batches to the pool until the time is up; a batch that would overrun it is not begun."""
    deadline = time.monotonic() + plan.seconds
    numbers = Counter((batch.workload, batch.kind) for batch in pool.read(path))
    longest: dict[tuple[str, Kind], float] = {}
    with ExitStack() as stack:
        stack.enter_context(neighbours(plan.neighbours))
        warm: dict[str, Warm] = {}
        while workload_and_kind := due(numbers, plan.workloads, longest, deadline - time.monotonic()):
            workload, kind = workload_and_kind
            if workload not in warm:
                warm[workload] = Warm(workload)
                stack.callback(warm[workload].close)
            begin, number = time.monotonic(), numbers[workload, kind]
            batch = warm[workload].measure(Request(kind, number, plan.neighbours))
            pool.append(path, [batch])
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
    """What the pool has fewest of, among what the seconds that are left are enough for."""
    fitting = [
        (workload, kind) for workload in workloads for kind in KINDS if longest.get((workload, kind), 0.0) < left
    ]
    return min(fitting, key=lambda each: numbers.get(each, 0), default=None) if left > 0 else None
