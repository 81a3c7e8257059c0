"""Ratios of arms that took turns, from their Runs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from dlbench.analysis import evidence
from dlbench.record.schema import Run
from dlbench.spec import Spec

Part = Mapping[Spec, Run]
"""Runs of arms that took turns."""


def log_ratio(before: Run, after: Run) -> float | None:
    """Logarithm of the seconds for a sample of data of two arms in lockstep, the second over the first.

    None if they share no round, or too few that are known. Arms without a steady state count too: their spread shows
    it.
    """
    found = evidence.log_ratio(before, after)
    return None if found is None else found - math.log(after.spec.batch_size / before.spec.batch_size)


def of_group(hub: Spec, parts: Sequence[Part]) -> dict[Spec, float]:
    """The logarithm of each arm's seconds for a sample relative to the hub, from the parts that it was in."""
    found = {hub: 0.0} if any(hub in part for part in parts) else {}
    for part in (part for part in parts if hub in part):
        ratios = {spec: log_ratio(part[hub], run) for spec, run in part.items() if spec not in found}
        found |= {spec: ratio for spec, ratio in ratios.items() if ratio is not None}
    return found
