"""Bencher Metric Format (bencher.dev/docs/reference/bencher-metric-format), for `bencher run --adapter json`."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

from dlbench.record.schema import Run
from dlbench.report.exports.arms import Figure, figures
from dlbench.report.model import Report

LONGEST = 1024
"""Characters of the name of a benchmark; of a measure it is 64, which names of metrics never reach."""


class Measure(NamedTuple):
    """A measure that Bencher knows, and the factor from ours: it has latency in ns and throughput a second."""

    name: str
    factor: float


KNOWN = {"step_time": Measure("latency", 1e9), "throughput": Measure("throughput", 1.0)}


def render(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """Arms with their measures; all but Bencher's own two state their unit in their name."""
    found: dict[str, dict[str, Any]] = {}
    for one in figures(report):
        known = KNOWN.get(one.metric, Measure(f"{one.metric} ({one.of.unit or 'no unit'})", 1.0))
        found.setdefault(_name(one.arm), {})[known.name] = _values(one, known.factor)
    return json.dumps(found, indent=2, allow_nan=False)


def _values(one: Figure, factor: float) -> dict[str, float]:
    ends = {"lower_value": one.low, "upper_value": one.high}
    return {"value": one.value * factor} | {name: end * factor for name, end in ends.items() if end is not None}


def _name(arm: str) -> str:
    """The name of an arm, a long one cut and told apart by its digest."""
    return arm if len(arm) <= LONGEST else f"{arm[: LONGEST - 13]} {hashlib.sha256(arm.encode()).hexdigest()[:12]}"
