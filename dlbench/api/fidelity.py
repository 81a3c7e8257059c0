"""Errors of the arms of a session, computed once its Runs are on the disk, for arms that ran."""

from __future__ import annotations

from dlbench.errors import redaction
from dlbench.parity import fidelity
from dlbench.record.fidelity import FIDELITY_FILE, Fidelity
from dlbench.record.journal import Journal, append
from dlbench.record.reading import read_fidelities
from dlbench.session.listener import Listener


def of_session(open_journal: Journal, listener: Listener) -> list[Fidelity]:
    """The errors in the folder of a session; looked for now, and written there, unless it has them."""
    path, planned = open_journal.folder / FIDELITY_FILE, open_journal.plan
    if path.exists():
        return read_fidelities(path)
    ran = {run.spec for run in open_journal.runs if run.ok}
    specs = [spec for spec in planned.specs if spec in ran]
    if not specs:
        return []
    arms = len({fidelity.arm_of(spec) for spec in specs})
    listener.note(f"how exact each of {arms} arms is, outside of the timing: each is built, and compiled, once more")
    found = redaction.record(fidelity.check(specs, planned.policy.timeout_seconds, planned.pythons))
    append(path, found)
    return found
