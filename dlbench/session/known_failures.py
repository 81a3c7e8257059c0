"""Specs that are not tried again: those that cannot run here, and those whose plugin does not load."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import asdict

from dlbench.record.flags import STATUSES
from dlbench.record.schema import Run
from dlbench.session.plan import Group, Place
from dlbench.spec import Policy, Spec
from dlbench.system.environment import fingerprint


class KnownFailures:
    """Specs that are not tried again, with the Run that says why; plugins that are not forked again."""

    def __init__(self) -> None:
        self._specs: dict[Spec, Run] = {}
        self._plugins: dict[tuple[str, str], Run] = {}
        self._hung: set[str] = set()

    def __contains__(self, spec: Spec) -> bool:
        return spec in self._specs or _place_of(spec) in self._plugins

    def learn(self, runs: Iterable[Run]) -> None:
        """Learn from these Runs."""
        for run in runs:
            if STATUSES[run.status].final:
                self._specs.setdefault(run.spec, run)
            if run.has("not_loaded"):
                self._plugins.setdefault(_place_of(run.spec), run)
            if run.has("fork_hung"):
                self._hung.add(run.spec.plugin)

    def hung(self, group: Group) -> bool:
        """True if a forked child of one of these plugins hung."""
        return any(spec.plugin in self._hung for spec in group.specs)

    def run(self, spec: Spec, policy: Policy, place: Place) -> Run:
        """The Run of a Spec that is not tried: why it is not."""
        known = self._specs.get(spec) or self._plugins[_place_of(spec)]
        return Run(
            spec=spec,
            policy=policy,
            **asdict(place),
            status=known.status,
            reason=known.reason,
            output_tail=known.output_tail,
            flags=tuple(dict.fromkeys((*known.flags, "not_tried"))),
            started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            wall_seconds=0.0,
            machine=fingerprint(),
        )


def _place_of(spec: Spec) -> tuple[str, str]:
    """The plugin and the Python environment: it may lack something in one and have it in another."""
    return spec.plugin, spec.python
