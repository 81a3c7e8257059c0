"""Checks that arms are the same model: in full by themselves, quickly before a session measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlbench.api import subjects
from dlbench.errors import SpecError, redaction
from dlbench.parity import check
from dlbench.record.journal import Journal, append
from dlbench.record.parity import Parity
from dlbench.record.reading import read_parities
from dlbench.record.schema import PARITY_FILE, Plan
from dlbench.report import parity as sameness
from dlbench.session.listener import Listener
from dlbench.spec import Policy, Spec
from dlbench.tasks import check_data


def parity(options: Mapping[str, Any], seeds: int, timeout: float) -> list[Parity]:
    """Check that the arms which these options select are one model, over `seeds` initial values and batches.

    Raises SpecError, also for a single arm, or UnknownName.
    """
    policy = Policy(timeout_seconds=timeout)
    specs = subjects.trained(options, policy)
    if len(specs) < 2:
        raise SpecError(f"parity compares two models and {specs[0].label} is one; name a second plugin or --path")
    check_data(spec.task for spec in specs)
    return check.check(specs, range(seeds), policy.timeout_seconds)


def of_session(families: Sequence[Sequence[Spec]], open_journal: Journal, listener: Listener) -> list[Parity]:
    """The parity checks in the folder of a session; made now, and written there, unless it has them.

    Raises SpecError for a conversion that does not fit: models that are said to be one are not measured as two.
    """
    path = open_journal.folder / PARITY_FILE
    if path.exists():
        return read_parities(path)
    found = redaction.record(_checked(families, open_journal.plan, listener))
    if found:
        append(path, found)
    return found


def _checked(families: Sequence[Sequence[Spec]], planned: Plan, listener: Listener) -> list[Parity]:
    """Check each family of arms before anything is measured."""
    found: list[Parity] = []
    for family in families:
        listener.note(sameness.question(family))
        of_family = _quickly(family, planned.policy.timeout_seconds, planned.pythons)
        found += of_family
        for one in of_family:
            listener.note(f"    {sameness.sentence(one)}")
            check.refuse_misfit(one)
            check.refuse_other_model(one)
    return found


def _quickly(family: Sequence[Spec], timeout: float, pythons: Mapping[str, str]) -> list[Parity]:
    """Check one seed, and three if that one fails: rounding may have decided it.

    First gradients are compared where nothing is compiled for them.
    """
    found = check.check(family, (0,), timeout, quick=True, pythons=pythons)
    if all(one.same is not False for one in found):
        return found
    return check.check(family, (0, 1, 2), timeout, quick=True, pythons=pythons)
