"""Lists for github-action-benchmark: `customBiggerIsBetter` and `customSmallerIsBetter`, a file of each kind.

The fields are those that the README of benchmark-action/github-action-benchmark documents.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from dlbench.record.schema import Run
from dlbench.report.exports.arms import Figure, figures
from dlbench.report.model import Report


def bigger(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """The figures of which more is better, such as throughput."""
    return _listed([one for one in figures(report) if one.of.better == "higher"])


def smaller(runs: Sequence[Run], report: Report) -> str:  # noqa: ARG001 (every export has both)
    """The figures of which less is better, such as step time and memory."""
    return _listed([one for one in figures(report) if one.of.better == "lower"])


def _listed(found: Sequence[Figure]) -> str:
    return json.dumps([_entry(one) for one in found], indent=2, allow_nan=False)


def _entry(one: Figure) -> dict[str, Any]:
    """A figure in SI units; a share in percent."""
    factor = 100.0 if one.of.unit == "%" else 1.0
    entry = {"name": f"{one.arm}: {one.of.title}", "unit": one.of.unit, "value": one.value * factor}
    if one.low is not None and one.high is not None:
        entry["range"] = f"{one.low * factor:.6g} to {one.high * factor:.6g}"
    return {**entry, "extra": f"metric {one.metric}\nn {one.n}"}
