"""A suite as `pyperf` reads it (format 1.0): a benchmark an arm, a run a process, values in seconds a step."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from typing import Any

from dlbench.record.schema import Run
from dlbench.report.exports.arms import Measured, line, machine, measured, seconds_a_step
from dlbench.report.model import Report

FORMAT = "1.0"


def render(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """The suite; arms without steady samples are left out, and pyperf takes a suite of at least one."""
    benchmarks = [made for arm in measured(runs) if (made := _benchmark(arm))["runs"]]
    about = {name: value for name, value in machine(runs).items() if value}
    common = {f"dlbench_{name.replace(' ', '_')}": value for name, value in about.items()}
    suite = {"version": FORMAT, "metadata": {"unit": "second", **common}, "benchmarks": benchmarks}
    return json.dumps(suite, indent=2, allow_nan=False)


def _benchmark(arm: Measured) -> dict[str, Any]:
    spec = arm.spec
    about = {"dlbench_plugin": spec.plugin, "dlbench_path": spec.path, "dlbench_phase": spec.phase}
    return {
        "metadata": {"name": arm.name, **about},
        "runs": [_run(run, values) for run in arm.well if (values := seconds_a_step(run, "steady"))],
    }


def _run(run: Run, values: Sequence[float]) -> dict[str, Any]:
    warm_up = [[one.steps, one.seconds / one.steps] for one in run.samples if one.stage == "warm-up" and one.seconds]
    date = datetime.datetime.fromisoformat(run.started).astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    about: dict[str, Any] = {"date": date, "duration": run.wall_seconds, "dlbench_session": line(run.session)}
    if run.flags:
        about["dlbench_flags"] = " ".join(run.flags)
    return {"metadata": about, "values": values} | ({"warmups": warm_up} if warm_up else {})
