"""Clauses that build the model once more in another way: several steps a call, and data that stays on the host.

They are looked at off the path jit alone: there a graph of several steps takes several times as long to compile, and
each Run proves by itself that it was one.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dlbench.conformance.model import Model, ModelsUnderTest, NotLookedAt, require
from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import arrays
from dlbench.parity import check
from dlbench.plugin import Batch

STEPS, CALLS = 2, 2
"""Steps in a call, and calls: the second sees the state that the first left behind."""


def several_steps_are_so_many_single_ones(session: ModelsUnderTest) -> None:
    """A call of several steps gives the losses that as many calls of one step give."""
    wanted = _singles(session)
    model = _variant(session, steps_per_call=STEPS)
    found = [model.train(model.batch(call)) for call in range(CALLS)]
    shape = (STEPS, *wanted[0].shape)
    wrong = next((losses.shape for losses in found if losses.shape != shape), shape)
    require(wrong == shape, f"a call of {STEPS} steps returned losses of shape {wrong}, not {shape}")
    _same(np.concatenate(found), wanted, f"in calls of {STEPS} steps")


def host_data_is_copied_in_every_step(session: ModelsUnderTest) -> None:
    """Data on the host is read in every step: a step, or a prediction, sees the content of its arrays at the call."""
    wanted = _singles(session)
    model = _variant(session, data="host")
    kept = Batch(*(arrays.each(np.empty_like, side) for side in model.batch(0)))
    found = []
    for step in range(STEPS * CALLS):
        for side, values in zip(kept, model.batch(step), strict=True):
            arrays.each(np.copyto, side, values)
        found.append(model.step(kept))
    _same(found, wanted, "with data on the host")


def _variant(session: ModelsUnderTest, **changes: Any) -> Model:
    """The model of another Spec. Raises NotLookedAt if the plugin refuses it, or does not report it."""
    if session.spec.path == "jit":
        raise NotLookedAt("checked off the path jit only: on it each Run proves its own compilation")
    asked = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in changes.items())
    try:
        return Model.build(msgspec.structs.replace(session.spec, **changes), dropout=False)
    except ContractViolation as error:
        raise NotLookedAt(f"the plugin says nothing of {asked}") from error
    except Unsupported as error:
        raise NotLookedAt(f"unsupported: {error}") from error


def _singles(session: ModelsUnderTest) -> list[Any]:
    """Losses of the first steps, one a call, without dropout; outputs of a plugin that only predicts."""
    model = session.exact
    if not model.trains:
        return [model.outputs(step) for step in range(STEPS * CALLS)]
    losses: list[Any] = model.observed["losses"]
    return losses[: STEPS * CALLS]


def _same(found: Any, wanted: Any, where: str) -> None:
    near = np.allclose(found, wanted, rtol=check.TOLERANCES["losses"], atol=0.0)
    require(near, f"{where} the losses {np.ravel(wanted)} became {np.ravel(found)}")
