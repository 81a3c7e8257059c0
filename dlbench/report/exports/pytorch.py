"""Records of the PyTorch OSS benchmark database, version 3: a list with one record for each metric of each arm.

The layout is that of the table `oss_ci_benchmark_v3` (pytorch/test-infra, clickhouse_db_schema) and of the page
"PyTorch OSS benchmark infra" of PyTorch's wiki. Whoever uploads adds repository, commit, workflow and time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from dlbench.analysis.metrics import METRICS, Metric
from dlbench.record.schema import Run
from dlbench.report.exports.arms import Measured, line, measured
from dlbench.report.model import Report

LARGEST = 3.4028234663852886e38
"""The largest number of the type Float32 of the table."""


def render(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """The list; `benchmark_values` holds a number a process, in the unit that `extra_info` states."""
    return json.dumps([record for arm in measured(runs) for record in _records(arm)], indent=2, allow_nan=False)


def _records(arm: Measured) -> Iterator[dict[str, Any]]:
    common = {"benchmark": _benchmark(arm), "model": _model(arm), "runners": _runners(arm)}
    common["dependencies"] = _dependencies(arm)
    for name, metric in METRICS.items():
        if values := [value for value in arm.values(metric) if abs(value) <= LARGEST]:
            yield {**common, "metric": _metric(name, metric, values)}


def _metric(name: str, metric: Metric, values: Sequence[float]) -> dict[str, Any]:
    about = {"unit": metric.unit, "better": metric.better or "", "title": metric.title}
    return {"name": name, "benchmark_values": list(values), "extra_info": about}


def _benchmark(arm: Measured) -> dict[str, Any]:
    spec = arm.spec
    about = {"workload": arm.workload, "phase": spec.phase, "size": spec.size, "task": line(spec.task)}
    about |= {"batch_size": str(spec.batch_size), "threads": str(spec.threads), "device": spec.device}
    mode = "training" if spec.trains else "inference"
    return {"name": "dlbench", "mode": mode, "dtype": spec.precision, "extra_info": about}


def _model(arm: Measured) -> dict[str, Any]:
    spec = arm.spec
    about = {"arm": arm.name, "path": spec.path}
    return {"name": line(spec.plugin), "type": line(spec.architecture), "backend": _compiler(arm), "extra_info": about}


def _compiler(arm: Measured) -> str:
    """The compiler that the plugin reported; empty if none ran."""
    return next((line(run.info.compiler) for run in arm.well if run.info is not None and run.info.compiler), "")


def _runners(arm: Measured) -> list[dict[str, Any]]:
    """The machines, each once; a device only if the model ran on it."""
    found: dict[str, dict[str, Any]] = {}
    for run in arm.well:
        if (at := run.environment) is not None:
            on = line(run.info.device_name) if run.info is not None and run.info.device != "cpu" else ""
            about = {
                "cpu_info": line(at.processor),
                "cpu_count": at.cores,
                "mem_info": f"{at.memory_bytes} bytes in all",
            }
            about |= {"gpu_info": on} if on else {}
            found[json.dumps(about)] = about
    return list(found.values())


def _dependencies(arm: Measured) -> dict[str, Any]:
    packages = {
        name: version for run in arm.well if run.environment for name, version in run.environment.packages.items()
    }
    return {line(name): {"version": line(version)} for name, version in packages.items()}
