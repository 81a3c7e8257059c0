"""The largest batch that fits: peaks of processes that build the model and take one step, on a line."""

from __future__ import annotations

import msgspec

from dlbench.api import render
from dlbench.api.tune.peaks import Peaks, limit_of
from dlbench.api.tune.request import Request
from dlbench.errors import RecordError, SpecError, redaction
from dlbench.record import encoding
from dlbench.report.command import command_of
from dlbench.report.units import format_value
from dlbench.session.listener import Listener
from dlbench.spec import Policy
from dlbench.stats.tuning import line
from dlbench.stats.tuning.answer import Largest

ANSWER_FILE = "largest-batch.json"


def largest(asked: Request, listener: Listener) -> Largest:
    """Search, write the answer to the folder, and return it. Raises SpecError and DlbenchError."""
    if (asked.folder / ANSWER_FILE).exists():
        raise RecordError(f"{asked.folder} already holds a largest batch; give another --out")
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


def outline(asked: Request) -> list[str]:
    """Lines on what a search would do."""
    limit, margin = limit_of(asked)
    spec = asked.specs[0]
    kept = f", {format_value(margin, 'bytes')} below the free memory" if margin else ""
    return [
        f"{spec.plugin}, {spec.phase}: the largest batch within {format_value(limit, 'bytes')}{kept}",
        f"three small batches from {spec.batch_size} on, or more, then two checks; nothing was measured",
    ]
