"""The check that arms are the same model, in full and by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dlbench.api import subjects
from dlbench.errors import SpecError
from dlbench.parity import check
from dlbench.record.parity import Parity
from dlbench.spec import Policy
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
