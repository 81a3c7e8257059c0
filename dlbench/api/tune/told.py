"""Progress of a race in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from dlbench.api.tune.arms import differing, name_of
from dlbench.api.tune.limits import facts
from dlbench.record.schema import Run
from dlbench.session.listener import Listener, Quiet
from dlbench.spec import Spec


class Told(Quiet):
    """Progress of a race: settings by their names, for Specs of several workloads have one label."""

    def __init__(self, specs: Sequence[Spec], listener: Listener) -> None:
        axes = differing(specs)
        self._names: Mapping[Spec, str] = {spec: name_of(spec, axes) for spec in specs}
        self._say: Callable[[str], None] = listener.note

    def finished(self, run: Run) -> None:
        """The figure of a Run, or why there is none."""
        speed = facts([run]).throughput
        figure = f"{speed:,.0f} samples/s" if speed is not None else f"{run.status}: {run.reason}"
        self._say(f"    {self._names.get(run.spec, run.spec.label)}: {figure}")

    def note(self, text: str) -> None:
        """The sentence."""
        self._say(text)
