"""Checks of a session's arms: the same model, quickly before it measures them, and the errors of those that ran."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.errors import redaction
from dlbench.parity import check, fidelity
from dlbench.parity.kept import Kept
from dlbench.record.fidelity import FIDELITY_FILE, Fidelity
from dlbench.record.journal import Journal, append
from dlbench.record.parity import Parity
from dlbench.record.reading import read_fidelities, read_parities
from dlbench.record.schema import PARITY_FILE, Plan
from dlbench.report import parity as sameness
from dlbench.session.listener import Listener
from dlbench.spec import Spec


def parity(families: Sequence[Sequence[Spec]], open_journal: Journal, listener: Listener, kept: Kept) -> list[Parity]:
    """The parity checks in the folder of a session; made now, and written there, unless it has them.

    `kept` gets the arrays that are probed. Raises SpecError for a conversion that does not fit: models that are said to
    be one are not measured as two.
    """
    path = open_journal.folder / PARITY_FILE
    if path.exists():
        return read_parities(path)
    found = redaction.record(_checked(families, open_journal.plan, listener, kept))
    if found:
        append(path, found)
    return found


def errors(open_journal: Journal, listener: Listener, kept: Kept) -> list[Fidelity]:
    """The errors in the folder of a session; looked for now, and written there, unless it has them.

    `kept` has the arrays that its check for parity has probed.
    """
    path, planned = open_journal.folder / FIDELITY_FILE, open_journal.plan
    if path.exists():
        return read_fidelities(path)
    ran = {run.spec for run in open_journal.runs if run.ok}
    specs = [spec for spec in planned.specs if spec in ran]
    if not specs:
        return []
    arms = len({fidelity.arm_of(spec) for spec in specs})
    listener.note(f"how exact {'the arm is' if arms == 1 else f'each of {arms} arms is'}, outside of the timing")
    found = redaction.record(fidelity.check(specs, planned.policy.timeout_seconds, planned.pythons, kept))
    append(path, found)
    return found


def _checked(families: Sequence[Sequence[Spec]], planned: Plan, listener: Listener, kept: Kept) -> list[Parity]:
    """Check each family of arms before anything is measured."""
    found: list[Parity] = []
    for family in families:
        listener.note(sameness.question(family))
        of_family = _quickly(family, planned, kept)
        found += of_family
        for one in of_family:
            listener.note(f"    {sameness.sentence(one)}")
            check.refuse_misfit(one)
            check.refuse_other_model(one)
    return found


def _quickly(family: Sequence[Spec], planned: Plan, kept: Kept) -> list[Parity]:
    """Check one seed, and three if that one fails: rounding may have decided it.

    First gradients are compared where nothing is compiled for them.
    """
    timeout, pythons = planned.policy.timeout_seconds, planned.pythons
    found = check.check(family, (0,), timeout, quick=True, pythons=pythons, kept=kept)
    if all(one.same is not False for one in found):
        return found
    return check.check(family, (0, 1, 2), timeout, quick=True, pythons=pythons, kept=kept)
