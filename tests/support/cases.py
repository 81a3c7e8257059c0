"""Sessions that dlbench once judged wrongly, with their measurements as Runs."""

from __future__ import annotations

import json
from pathlib import Path

from example_runs import bare_run, spec

from dlbench.record.schema import Run, Sample
from dlbench.spec import Policy
from dlbench.stats.interim import INTERIM_GROUPS

FOLDER = Path(__file__).with_name("cases")


def unsteady_by_the_machine() -> list[Run]:
    """Seven groups of two steady programs beside other work, the second 3 % longer.

    Without their latencies, which no verdict reads.
    """
    groups = json.loads((FOLDER / "unsteady_by_the_machine.json").read_text())["groups"]
    found = []
    for number, group in enumerate(groups):
        for arm, (plugin, measured) in enumerate(group.items()):
            place = {"group": number, "groups": INTERIM_GROUPS[-1], "arm": arm, "arms": len(group)}
            of = spec(plugin, path="eager", threads=1, task="line")
            found.append(
                bare_run(
                    spec=of,
                    policy=Policy(adaptive=True),
                    samples=_samples(measured),
                    wall_seconds=measured["wall"],
                    **place,
                )
            )
    first = list(groups[0])
    return sorted(found, key=lambda run: (run.group, first.index(run.spec.plugin)))


def _samples(measured: dict[str, list[float]]) -> tuple[Sample, ...]:
    warm_up = [Sample(stage="warm-up", steps=1, seconds=seconds, cpu_seconds=0) for seconds in measured["warm-up"]]
    steady = [
        Sample(stage="steady", steps=1, seconds=seconds, cpu_seconds=0, round=at)
        for at, seconds in enumerate(measured["steady"])
    ]
    return (*warm_up, *steady)
