"""Policy: the effort of measuring."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

import msgspec

from dlbench.spec.ranges import MOST, YEAR, Range, require, within

Isolation = Literal["fresh", "fork", "none"]
ISOLATIONS: tuple[Isolation, ...] = get_args(Isolation)
PROCESS_SECONDS = 600.0
"""Time limit of a process unless another is given."""
CLAUSE_SECONDS = 900.0
"""Time limit of a clause; the first ones build, and compile, where other programs may take most of the core."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """Effort of a session. Times are in seconds. Sources: METHOD in the project's documentation.

    A process may work `timeout_seconds` in all and have `memory_limit_bytes` of memory of its own. With the isolation
    `fork` the first process of a Spec is fresh (memory and cold start come from it) and the others are forked from a
    parent that has only imported the framework; with `none` everything runs in the parent itself. `discard` has one
    process of each arm built and stepped once before any is measured, and thrown away. With `adaptive` a timed workload
    of several arms has as many groups as its ratios take (`dlbench.stats.interim`), and others `processes`. A sample
    lasts `sample_seconds` at least, and `turn_seconds` where arms take turns; None is as long as the former.
    """

    processes: int = 5
    samples: int = 40
    sample_seconds: float = 0.020
    turn_seconds: float | None = None
    settle_steps: int = 5
    settle_seconds: float = 1.0
    settle_cap_seconds: float = 60.0
    settle_cap_samples: int = 500
    settle_tolerance: float = 0.02
    latency_steps: int = 200
    latency_seconds: float = 2.0
    budget_seconds: float | None = None
    timeout_seconds: float = PROCESS_SECONDS
    order_seed: int = 0
    isolation: Isolation = "fresh"
    memory_limit_bytes: int | None = None
    discard: bool = False
    adaptive: bool = False

    def __post_init__(self) -> None:
        require(self.isolation in ISOLATIONS, "isolation", self.isolation, f"one of {', '.join(ISOLATIONS)}")
        for name, allowed in _OF_POLICY.items():
            if (value := getattr(self, name)) is not None:
                within(name.replace("_", " "), value, allowed)

    @property
    def indicative(self) -> bool:
        """One process per Spec has no replication: its figures can be read and can never gate."""
        return self.processes == 1


_OF_POLICY: Mapping[str, Range] = {
    "processes": (1, 10_000),
    "samples": (1, 10**6),
    "sample_seconds": (1e-6, YEAR),
    "turn_seconds": (1e-6, YEAR),
    "settle_steps": (0, 10**6),
    "settle_seconds": (0, YEAR),
    "settle_cap_seconds": (1e-6, YEAR),
    "settle_cap_samples": (0, 10**6),
    "settle_tolerance": (0, 10**6),
    "latency_steps": (0, 10**6),
    "latency_seconds": (1e-6, YEAR),
    "budget_seconds": (1e-6, YEAR),
    "timeout_seconds": (1e-6, YEAR),
    "order_seed": (0, MOST),
    "memory_limit_bytes": (1, 2**60),
}
"""Limits of a session and of system calls; a resumed plan is checked against them too."""
