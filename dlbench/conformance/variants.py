"""Clauses that build the model once more in another way: several steps a call, and data that stays on the host.

They are looked at off the path jit alone: there a graph of several steps takes several times as long to compile, and
each Run proves by itself that it was one.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from dlbench import parity
from dlbench.conformance.model import Model, Session, require
from dlbench.errors import ContractViolation, Unsupported
from dlbench.plugin import Batch

STEPS, CALLS = 2, 2
"""Steps in a call, and calls: the second sees what the first left behind."""


def several_steps_are_so_many_single_ones(session: Session) -> None:
    """A call of several steps gives the losses that as many calls of one step give."""
    model = _variant(session, steps_per_call=STEPS)
    if model is None:
        return
    found = [model.train(model.batch(call)) for call in range(CALLS)]
    shape = (STEPS, *_singles(session)[0].shape)
    wrong = next((losses.shape for losses in found if losses.shape != shape), shape)
    require(wrong == shape, f"a call of {STEPS} steps returned losses of shape {wrong}, not {shape}")
    _same(np.concatenate(found), _singles(session), f"in calls of {STEPS} steps")


def host_data_is_copied_in_every_step(session: Session) -> None:
    """Where the data stays on the host, a step sees what its arrays hold when it is called, were they used before."""
    model = _variant(session, data="host")
    if model is None:
        return
    arrays = Batch(*(np.empty_like(part) for part in model.batch(0)))
    found = []
    for step in range(STEPS * CALLS):
        for array, values in zip(arrays, model.batch(step), strict=True):
            np.copyto(array, values)
        found.append(model.train(arrays))
    _same(found, _singles(session), "with data on the host")


def _variant(session: Session, **changes: Any) -> Model | None:
    """The model of another Spec; None where the plugin refuses it, or says nothing of it and the core does."""
    if session.spec.path == "jit":
        return None
    try:
        return Model.build(msgspec.structs.replace(session.spec, **changes), dropout=False)
    except (Unsupported, ContractViolation):
        return None


def _singles(session: Session) -> list[Any]:
    """Losses of the first steps, one a call, without dropout."""
    model = session.exact
    if model is not session.again and "losses" not in model.observed:
        fresh = Model.build(session.spec, dropout=False)
        model.observed["losses"] = [fresh.train(fresh.batch(step)) for step in range(STEPS * CALLS)]
    losses: list[Any] = model.observed["losses"]
    return losses[: STEPS * CALLS]


def _same(found: Any, wanted: Any, where: str) -> None:
    near = np.allclose(found, wanted, rtol=parity.TOLERANCES["losses"], atol=0.0)
    require(near, f"{where} the losses {np.ravel(wanted)} became {np.ravel(found)}")
