"""A file as `pytest-benchmark compare` reads it: a benchmark an arm, a round a steady sample, in seconds a step."""

from __future__ import annotations

import json
import math
import statistics
from collections.abc import Sequence
from typing import Any

from dlbench.record.schema import Run
from dlbench.report.exports.arms import Measured, machine, measured, seconds_a_step
from dlbench.report.model import Report

LAYOUT = "5.1.0"
"""Version of pytest-benchmark whose layout this is."""
NO_COMMIT = {"id": "unversioned", "time": None, "author_time": None, "dirty": False, "branch": "(unknown)"}
"""As pytest-benchmark writes outside a repository: Runs record a digest of the code and no commit."""


def render(runs: Sequence[Run], report: Report) -> str:
    """The file; arms without steady samples are left out."""
    benchmarks = [_benchmark(arm, data) for arm in measured(runs) if (data := _data(arm))]
    return json.dumps(
        {
            "machine_info": machine(runs),
            "commit_info": NO_COMMIT,
            "benchmarks": benchmarks,
            "datetime": report.started,
            "version": LAYOUT,
        },
        indent=2,
        allow_nan=False,
    )


def _data(arm: Measured) -> list[float]:
    return [seconds for run in arm.well for seconds in seconds_a_step(run, "steady")]


def _benchmark(arm: Measured, data: Sequence[float]) -> dict[str, Any]:
    spec = arm.spec
    told = {"plugin": spec.plugin, "path": spec.path, "phase": spec.phase, "device": spec.device}
    return {
        "group": arm.workload,
        "name": arm.label,
        "fullname": arm.name,
        "params": None,
        "param": None,
        "extra_info": {**told, "batch_size": spec.batch_size, "processes": len(arm.well), "unit": "s a step"},
        "options": {"timer": "perf_counter", "warmup": True},
        "stats": {**_stats(data), "iterations": 1, "data": list(data)},
    }


def _stats(data: Sequence[float]) -> dict[str, Any]:
    """All that a table of pytest-benchmark shows; quartiles by linear interpolation (Hyndman and Fan, type 7)."""
    mean, total = statistics.fmean(data), math.fsum(data)
    deviation = statistics.stdev(data) if len(data) > 1 else 0.0
    lower, median, upper = statistics.quantiles(data, n=4, method="inclusive") if len(data) > 1 else [*data] * 3
    fence = 1.5 * (upper - lower)
    inside = [value for value in data if lower - fence <= value <= upper + fence]
    far = sum(abs(value - mean) > deviation for value in data)
    return {
        "min": min(data),
        "max": max(data),
        "mean": mean,
        "stddev": deviation,
        "rounds": len(data),
        "median": median,
        "iqr": upper - lower,
        "q1": lower,
        "q3": upper,
        "iqr_outliers": len(data) - len(inside),
        "stddev_outliers": far,
        "outliers": f"{far};{len(data) - len(inside)}",
        "ld15iqr": min(inside),
        "hd15iqr": max(inside),
        "ops": len(data) / total,
        "total": total,
    }
