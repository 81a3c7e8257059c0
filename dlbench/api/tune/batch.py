"""The largest batch that fits: peaks of processes that build the model and take one step, on a line."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from dlbench.api import render
from dlbench.api.tune.request import Request
from dlbench.errors import DlbenchError, SpecError, redaction
from dlbench.record import encoding
from dlbench.report.command import command_of
from dlbench.report.units import format_value
from dlbench.session import pilot
from dlbench.session.schedule import Listener
from dlbench.spec import Policy, Spec
from dlbench.stats.tuning import line
from dlbench.stats.tuning.answer import Largest
from dlbench.workers.child import ChildError, fresh_child

ANSWER_FILE = "largest-batch.json"


def largest(asked: Request, listener: Listener) -> Largest:
    """Search, write the answer to the folder, and return it. Raises SpecError and DlbenchError."""
    spec, (limit, margin) = asked.specs[0], limit_of(asked)
    peaks = Peaks(spec, asked.policy, listener)
    try:
        found = line.largest(spec.batch_size, limit, peaks)
    except line.NoLine as error:
        raise SpecError(
            f"{error}: within {format_value(limit, 'bytes')}; give another --batch-size to begin with, or --max-memory"
        ) from error
    best = msgspec.structs.replace(spec, batch_size=found.batch_size)
    answer = Largest(
        subject=f"{spec.plugin} {spec.size}" if spec.model is None else spec.model.reference,
        phase=spec.phase,
        batch_size=found.batch_size,
        limit=limit,
        margin=margin,
        base=found.line.base,
        each=found.line.each,
        measured=found.measured,
        command=command_of([best], [Policy(discard=True)]),
    )
    answer = redaction.record(answer)
    render.put(asked.folder, {ANSWER_FILE: encoding.page(answer)})
    return answer


def limit_of(asked: Request) -> tuple[float, float]:
    """The limit in bytes: the given one, or the free memory of device or machine with its margin. Raises SpecError."""
    if asked.limits.memory is not None:
        return float(asked.limits.memory), 0.0
    device = asked.specs[0].device
    free = pilot.available_memory(device)
    limit = free.host if device == "cpu" else free.device
    if limit == float("inf"):
        raise SpecError(f"the free memory of {device} is not known here; give --max-memory SIZE")
    return limit, limit / pilot.SHARE - limit


def outline(asked: Request) -> list[str]:
    """Lines on what a search would do."""
    limit, margin = limit_of(asked)
    spec = asked.specs[0]
    kept = f", {format_value(margin, 'bytes')} below the free memory" if margin else ""
    return [
        f"{spec.plugin}, {spec.phase}: the largest batch within {format_value(limit, 'bytes')}{kept}",
        f"three small batches from {spec.batch_size} on, or more, then two checks; nothing was measured",
    ]


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
