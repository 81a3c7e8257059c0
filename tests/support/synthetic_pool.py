"""Pools whose truth is known: processes that differ, samples within them that differ less."""

from __future__ import annotations

import msgspec
import numpy as np

from dlbench.record.schema import Environment, Load
from studies.decision_quality.pool import Batch, Kind, Taken
from studies.decision_quality.workloads import CYCLE, POLICY, SLOWDOWNS

STEP = 200_000
"""Nanoseconds."""
ENVIRONMENT = Environment(
    cpu="none",
    cpu_vendor="none",
    cores=2,
    memory_bytes=1,
    system="none",
    python="none",
    packages={},
    variables={},
    memory_method="none",
)


def synthetic_pool(
    groups: int, workload: str = "gemm", *, pair: float = 0.015, alone: float = 0.2, rounds: float = 0.02, seed: int = 1
):
    """Spreads of logarithms: `pair` of the ratio between groups, `alone` of processes one after the other, `rounds`.

    The batches state no policy, as the first pools did.
    """
    random = np.random.default_rng(seed)
    spreads: dict[Kind, float] = {"lockstep": pair / np.sqrt(2), "sequential": alone}
    return [
        Batch(
            kind=kind,
            workload=workload,
            number=number,
            started="2026-01-01T00:00:00+00:00",
            processes=[
                _process(name, random, (spread, rounds), 16 if kind == "lockstep" else 20) for name in SLOWDOWNS
            ],
            load=Load(),
            import_seconds=1.0,
            environment=ENVIRONMENT,
        )
        for number in range(groups)
        for kind, spread in spreads.items()
    ]


def _process(name: str, random: np.random.Generator, spreads: tuple[float, float], samples: int) -> Taken:
    executed = round(100 * (1 + SLOWDOWNS[name]))
    level = STEP * executed / 100 * np.exp(random.normal(0, spreads[0]))
    times = level * np.exp(random.normal(0, spreads[1], samples))
    return Taken(arm=name, nominal=100, executed=executed, held=1.0, nanoseconds=[round(value) for value in times])


def as_the_product(batches: list[Batch]) -> list[Batch]:
    """The same batches as sessions of the product have them: its policy, its rounds, three groups in full of twelve."""
    return [
        msgspec.structs.replace(
            batch,
            policy=POLICY,
            isolation="fresh",
            group=None if batch.kind == "sequential" else batch.number % CYCLE,
            pilot_seconds=2.0 if batch.kind == "lockstep" and batch.number % CYCLE == 0 else 0.0,
            processes=[msgspec.structs.replace(one, nanoseconds=(2 * one.nanoseconds)[:20]) for one in batch.processes],
        )
        for batch in batches
    ]
