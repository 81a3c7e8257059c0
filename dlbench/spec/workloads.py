"""Workload: the axes that two Specs share for their times to be compared."""

from __future__ import annotations

from typing import Literal

import msgspec

from dlbench.spec.axes import Options
from dlbench.spec.phases import PHASES, DataPlace, PhaseName
from dlbench.spec.workers import Scaling, Workers


class Workload(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, cache_hash=True):
    """Axes that two Specs must share for the ratio of their times to mean something."""

    architecture: str
    phase: PhaseName
    size: str
    task: str
    batch_size: int
    threads: int
    device: str
    precision: str
    seed: int
    steps_per_call: int = 1
    data: DataPlace = "device"
    options: Options = ()
    workers: Workers = msgspec.UNSET
    scaling: Scaling = msgspec.UNSET

    @property
    def timed(self) -> bool:
        """True if its steps are timed, rather than its way to a target."""
        return PHASES[self.phase].timed

    @property
    def replicated_by(self) -> Literal["process", "seed"]:
        """Unit of replication: processes or seeds."""
        return PHASES[self.phase].replicated_by
