"""The clause on outputs: those of a built-in architecture are its NumPy version's, from more than one set of values."""

from __future__ import annotations

from typing import Any

import numpy as np

from dlbench import architectures
from dlbench.conformance.model import ROUGHER, Model, ModelsUnderTest, NotLookedAt, require
from dlbench.parity import check
from dlbench.plugin import ExchangesParameters


def outputs_are_the_architecture(session: ModelsUnderTest) -> None:
    """Predictions agree with the core's NumPy version of the architecture, from the values of this seed and another's.

    On the path jit only this seed's: the building code is the same, and another compilation takes long. They agree from
    values of no seed too, if the plugin takes them: initial biases are zero, and a bias that is left out shows then.
    """
    if not architectures.describes(session.spec):
        raise NotLookedAt(architectures.meaning(session.spec.architecture))
    for model in (session.plain,) if session.spec.path == "jit" else (session.plain, session.other):
        outputs = model.observed.get("outputs")
        _require_outputs(model, model.request.parameters, model.outputs() if outputs is None else outputs)
    moved, outputs = _from_other_values(session.plain)
    if moved:
        _require_outputs(session.plain, moved, outputs)


def _require_outputs(model: Model, parameters: Any, outputs: Any) -> None:
    request = model.request
    inputs = model.task.batch(request.spec.seed, 0).inputs
    expected = request.configuration.forward(parameters, inputs, request.signature)
    require(outputs.shape == expected.shape, f"outputs have shape {outputs.shape}, not {expected.shape}")
    found = np.abs(outputs - expected).max() / max(1.0, np.abs(expected).max())
    allowed = check.TOLERANCES["output"] * (1 if model.info.device == "cpu" else ROUGHER)
    require(found <= allowed, f"outputs differ from the NumPy version by {found:.1e}, {allowed:.0e} is allowed")


def _from_other_values(model: Model) -> tuple[dict[str, Any], Any]:
    """The initial values, each moved at random by about 0.05, and the outputs with them; nothing if none are taken."""
    plugin, kept = model.plugin, model.parameters()
    if not isinstance(plugin, ExchangesParameters) or not kept:
        return {}, None
    drawn = np.random.default_rng(0)
    moved = {
        name: (value + 0.05 * drawn.standard_normal(value.shape)).astype(np.float32)
        for name, value in (model.request.parameters or {}).items()
    }
    try:
        plugin.import_parameters(moved)
        took = all(np.array_equal(value, moved.get(name, np.nan)) for name, value in model.parameters().items())
        return (moved, model.outputs()) if took else ({}, None)  # another clause says so
    finally:
        plugin.import_parameters(kept)
