"""The clause on capabilities: what a plugin claims to be able to do, it does."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlbench.conformance.model import Model, Session, require
from dlbench.plugin import ComputesGradients, ExchangesParameters, ListsDevices, ReportsDeviceMemory, Stages

SLOPE_TOLERANCE = 0.02
"""Share by which the slope of the loss may differ from the gradient's length: float32 losses over a small step."""
RISE = 1e-3
"""By which share the loss is to change when its slope is looked at."""


def capabilities_work(session: Session) -> None:
    """Every capability that the plugin claims does what its protocol says."""
    model = session.exact
    plugin = model.plugin
    if isinstance(plugin, Stages):
        raw = model.task.batch(session.spec.seed, 0)
        staged = plugin.stage(raw)
        require(np.array_equal(_on_host(staged.inputs), raw.inputs), "stage() changed the inputs")
    if isinstance(plugin, ListsDevices):
        require(model.info.device in plugin.devices(), f"devices() lacks {model.info.device}, where the model is")
    if isinstance(plugin, ReportsDeviceMemory):
        plugin.reset_device_memory_peak()
        peak = plugin.device_memory_peak()
        on_cpu = model.info.device == "cpu"
        require(peak is None if on_cpu else bool(peak), f"device_memory_peak() is {peak} on {model.info.device}")
    if isinstance(plugin, ExchangesParameters):
        _exchange(model, plugin)
        if isinstance(plugin, ComputesGradients):
            _slopes(model, plugin, plugin)


def _on_host(staged: Any) -> Any:
    """Values of an array or a tensor, wherever it lies: tensors on an accelerator refuse NumPy and make lists."""
    return np.asarray(staged.tolist() if hasattr(staged, "tolist") else staged)


def _exchange(model: Model, plugin: ExchangesParameters) -> None:
    before, original = model.outputs(), plugin.export_parameters()
    moved = {name: value + np.float32(0.01) for name, value in original.items()}
    plugin.import_parameters(moved)
    back = plugin.export_parameters()
    same = all(np.array_equal(value, back[name]) for name, value in moved.items())
    require(same, "export_parameters() does not give back what import_parameters() was given")
    require(not np.array_equal(before, model.outputs()), "import_parameters() did not reach the model")
    plugin.import_parameters(original)
    require(np.array_equal(before, model.outputs()), "putting the parameters back did not put the model back")


def _slopes(model: Model, exchanges: ExchangesParameters, computes: ComputesGradients) -> None:
    """The loss rises along the gradient as steeply as the gradient says, at the initial values."""
    start, batch = model.observed["parameters"], model.batch(0)
    exchanges.import_parameters(start)
    found = computes.gradients(batch)
    require(found.keys() == start.keys(), "gradients() has other names than export_parameters()")
    loss = model.train(batch)
    if loss.ndim:
        return  # of two losses that share parameters no single slope can be seen from outside
    steepness = math.sqrt(sum(float(np.sum(np.square(value, dtype=np.float64))) for value in found.values()))
    length = RISE * abs(float(loss)) / max(steepness, 1e-12)
    sides = []
    for sign in (1.0, -1.0):
        along = {name: value + sign * length / steepness * found[name] for name, value in start.items()}
        exchanges.import_parameters({name: value.astype(np.float32) for name, value in along.items()})
        sides.append(float(model.train(batch)))
    slope = (sides[0] - sides[1]) / (2 * length)
    off = abs(slope - steepness) / max(steepness, 1e-12)
    require(off <= SLOPE_TOLERANCE, f"gradients() says a slope of {steepness:.4g}, the loss has {slope:.4g}")
