"""Runs beside other programs: nobody knows how long their threads waited."""

from __future__ import annotations

import msgspec

from dlbench.plugin import ModelInfo
from dlbench.record.schema import Load, Run

INFO = ModelInfo(parameter_count=1, device="cpu", precision="fp32", path="eager", versions={})
LOAD = Load(load_average=4.0, cpu_pressure=0.9, memory_pressure=0.0, steal=0.0)


def disturbed(run: Run) -> Run:
    """The same Run on a busy CPU, whose threads may have waited half of each sample."""
    samples = (msgspec.structs.replace(one, waited_seconds=None, unsure_seconds=one.seconds / 2) for one in run.samples)
    return msgspec.structs.replace(run, info=INFO, load=LOAD, samples=tuple(samples))
