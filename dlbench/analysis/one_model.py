"""The rule that a gate compares arms of one model. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.analysis.gate import GateRequest
from dlbench.analysis.likeness import Likeness, Parities
from dlbench.analysis.pairs import name_of, names_of, planned_pairs
from dlbench.errors import SpecError
from dlbench.spec import Spec


def check(specs: Sequence[Spec], question: GateRequest, parity: Parities) -> None:
    """Raise SpecError, before anything is measured, for a gate on ratios of two models.

    Counts and errors are about each arm itself, and may be gated.
    """
    pairs = planned_pairs(specs, ()) if question.metrics else []
    likeness = Likeness(parity)
    for pair in pairs:
        if likeness.unlike(pair.baseline, pair.candidate) == "model":
            raise SpecError(
                f"not gated: {name_of(pair, names_of(pairs))}: NOT THE SAME MODEL (`dlbench parity` shows every "
                "figure); mend the model, or give --no-parity to gate two models"
            )
