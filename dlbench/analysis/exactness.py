"""The condition `error`: a limit for the errors of every arm in outputs, first gradients and losses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from dlbench.analysis.gate import ERROR, Condition, Outcome
from dlbench.record.fidelity import Fidelity

Errors = Sequence[Fidelity]

HOW = "measure with the parity check, and a plugin that exchanges parameters and computes gradients"


def outcomes(conditions: Sequence[Condition], errors: Errors) -> Iterator[Outcome]:
    """An outcome for each arm; errors are no samples, so one beyond the limit is a regression at once."""
    for condition in conditions:
        for one in errors if condition.name == ERROR else ():
            beyond = [found for found in one.deviations if not found.error <= condition.threshold]
            yield Outcome(
                condition=str(condition),
                pair=_named(one),
                result="regression" if beyond else "passed",
                reason=", ".join(f"{found.what} {found.error:.1e}" for found in beyond),
            )


def refusals(conditions: Sequence[Condition], errors: Errors) -> Iterator[str]:
    """Reasons to refuse a gate on errors: none was recorded, or an arm's is not known."""
    for condition in conditions:
        if condition.name == ERROR and not errors:
            yield f"{condition} looks at errors of arms and none is recorded; {HOW}"
        for one in errors if condition.name == ERROR else ():
            if not one.deviations:
                yield f"{condition}: the error of {_named(one)} is not known ({one.reason}); {HOW}, or leave it out"


def _named(one: Fidelity) -> str:
    precision = "" if one.spec.precision == "fp32" else f", {one.spec.precision}"
    return f"{one.spec.label} {one.spec.size}{precision}"
