"""Peak memory of one step at a batch size, and the limit that it must keep."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dlbench.api.tune.request import Request
from dlbench.errors import DlbenchError, SpecError
from dlbench.report.units import format_value
from dlbench.session import pilot
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec
from dlbench.workers.child import ChildError, fresh_child


def limit_of(asked: Request) -> tuple[float, float]:
    """The limit in bytes, and its margin: the given one, or the free memory of device or machine less the margin.

    Raises SpecError for more than is free, which would end in a machine without memory.
    """
    device = asked.specs[0].device
    free = pilot.available_memory(device)
    limit = free.host if device == "cpu" else free.device
    whole, given = limit / pilot.SHARE, asked.limits.memory
    if given is not None and given > whole:
        raise SpecError(
            f"--max-memory is {format_value(given, 'bytes')}, and {format_value(whole, 'bytes')} are free on {device}: "
            "give less, or leave it out"
        )
    if given is not None:
        return float(given), 0.0
    if limit == float("inf"):
        raise SpecError(f"the free memory of {device} is not known here; give --max-memory SIZE")
    return limit, whole - limit


@dataclass
class Peaks:
    """Measures the peak memory of one step at a batch size."""

    spec: Spec
    policy: Policy
    listener: Listener

    def __call__(self, batch: int) -> float:
        """Bytes, on the device if it is one of its own. Raises DlbenchError for a process that failed."""
        spec = msgspec.structs.replace(self.spec, batch_size=batch)
        try:
            child = fresh_child(spec.threads, self.policy.timeout_seconds)
            try:
                device, use = pilot.first_step(spec, child)()
            finally:
                child.close()
        except ChildError as error:
            raise DlbenchError(f"a batch of {batch} did not run: {error.status}: {error}") from error
        found = use.host if device == "cpu" else use.device
        self.listener.note(f"batch {batch}: {format_value(found, 'bytes')}")
        return found
