"""Invented sessions: two reports as a comparison reads them."""

from __future__ import annotations

import math

import numpy as np
from example_runs import bare_run, good_run, spec

from dlbench.record.journal import append
from dlbench.record.schema import Sample

SPREAD = 0.01


def session(name, factor=1.0, processes=5, spread=SPREAD, seed=0, of=None, **changes):
    """One Spec measured alone in `processes` processes; the mean of their logarithms is exact."""
    noise = np.random.default_rng([seed, processes]).normal(size=processes)
    noise = (noise - noise.mean()) / (noise.std(ddof=1) if processes > 1 else 1.0) * spread
    times = [factor * 0.01 * math.exp(value) for value in noise]
    base = good_run()
    fields = {key: getattr(base, key) for key in ("info", "compilation", "flops_per_step", "times", "memory", "load")}
    fields |= {"environment": base.environment, "spec": of or spec(), **changes}
    return [
        bare_run(session=name, group=group, groups=processes, samples=_steady(seconds), **fields)
        for group, seconds in enumerate(times)
    ]


def saved(folder, runs):
    folder.mkdir(parents=True)
    append(folder / "runs.jsonl", runs)
    return folder


def _steady(seconds):
    return tuple(
        Sample(stage="steady", steps=1, seconds=seconds, cpu_seconds=0.0, round=at, turn=at) for at in range(10)
    )
