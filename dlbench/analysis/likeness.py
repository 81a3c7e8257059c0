"""Likeness of compared arms: pairs that checks found to be two models, or two computations. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import msgspec

from dlbench.record.fidelity import Fidelity
from dlbench.record.parity import Parity
from dlbench.spec import REMEMBERED, Spec

Unlike = Literal["model", "computation"]
"""The thing that two arms do not share: their model (parity), or the arithmetic of one of them (fidelity)."""


Parities = Sequence[Parity]
Errors = Sequence[Fidelity]


class Likeness:
    """Results of the checks of a session, by pairs of its arms."""

    def __init__(self, parity: Parities = (), errors: Errors = ()) -> None:
        self._same: dict[Spec, bool] = {}
        for one in parity:
            if one.same is not None:
                self._same |= {one.baseline: True, one.candidate: one.same}
        self._computes_another = {one.spec for one in errors if one.same is False}

    def unlike(self, one: Spec, other: Spec) -> Unlike | None:
        """The thing that these two do not share, as far as it was found; None if no check says so."""
        sides = _arm(one), _arm(other)
        if self._are_two_models(*sides):
            return "model"
        return None if self._computes_another.isdisjoint(sides) else "computation"

    def _are_two_models(self, one: Spec, other: Spec) -> bool:
        """True if one side is the model of the first arm and the other is not, or neither is and they are two."""
        same = self._same.get(one), self._same.get(other)
        apart = (one.plugin, one.model) != (other.plugin, other.model)
        return set(same) == {True, False} or (same == (False, False) and apart)


@lru_cache(REMEMBERED)
def _arm(spec: Spec) -> Spec:
    """The Spec that stands in the checks for this one, of any phase and seed."""
    return msgspec.structs.replace(spec, phase="train", seed=0, origin=0)
