"""The clauses on capabilities: a plugin does everything that it claims to be able to do."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from dlbench.conformance.model import Model, ModelsUnderTest, NotLookedAt, require
from dlbench.conformance.training import same_function
from dlbench.measure import arrays
from dlbench.plugin import ComputesGradients, ExchangesParameters, ListsDevices, ReportsDeviceMemory, Stages

SLOPE_TOLERANCE = 0.02
"""Share by which the slope of the loss may differ from the gradient's length: float32 losses over a small step."""
RISE = 1e-3
"""Share by which the loss must change when its slope is checked."""
STILL = 1e-4
"""Share by which the loss may change with a parameter whose gradient is zero: rounding alone changes it by less."""


def gradients_are_the_slope(session: ModelsUnderTest) -> None:
    """The loss rises along the gradient as steeply as the gradient says, at the initial values."""
    model = session.exact
    plugin = model.plugin
    if not isinstance(plugin, ComputesGradients) or not isinstance(plugin, ExchangesParameters):
        raise NotLookedAt("needs gradients(), export_parameters() and import_parameters()")
    with same_function(session):
        _slopes(model, plugin, plugin)


def _slopes(model: Model, exchanges: ExchangesParameters, computes: ComputesGradients) -> None:
    start, batch = model.observed["parameters"], model.batch(0)
    exchanges.import_parameters(start)
    found = computes.gradients(batch)
    require(found.keys() == start.keys(), "gradients() has other names than export_parameters()")
    loss = model.train(batch)
    if loss.ndim:
        raise NotLookedAt("of two losses that share parameters no single slope can be seen from outside")
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
    for name in (name for name, value in found.items() if not np.any(value)):
        sides = []
        for changed in _either_way(start[name]):
            exchanges.import_parameters({**start, name: changed})
            sides.append(float(model.train(batch)))
        moved = abs(sides[0] - sides[1]) / abs(float(loss))
        require(moved <= STILL, f"gradients() is zero for {name}, and the loss changes by {moved:.1e} with it")


def _either_way(values: Any) -> tuple[Any, Any]:
    """The values moved at random by a tenth of their size, and by as much the other way."""
    size = float(np.sqrt(np.mean(np.square(values, dtype=np.float64)))) or 1.0
    by = 0.1 * size * np.random.default_rng(0).standard_normal(np.shape(values))
    return (values + by).astype(np.float32), (values - by).astype(np.float32)


def staging_keeps_the_batch(session: ModelsUnderTest) -> None:
    """Staged arrays hold the values of the batch."""
    model = session.exact
    if not isinstance(model.plugin, Stages):
        raise NotLookedAt("needs stage()")
    raw = model.task.batch(session.spec.seed, 0)
    staged = model.plugin.stage(raw)
    pairs = zip(arrays.parts(staged.inputs), arrays.parts(raw.inputs), strict=True)
    require(all(np.array_equal(_on_host(one), other) for one, other in pairs), "stage() changed the inputs")
    require(np.array_equal(_on_host(staged.targets), raw.targets), "stage() changed the targets")


def parameters_can_be_exchanged(session: ModelsUnderTest) -> None:
    """Imported parameters are exported again, and the model predicts with them."""
    model = session.exact
    plugin = model.plugin
    if not isinstance(plugin, ExchangesParameters):
        raise NotLookedAt("needs export_parameters() and import_parameters()")
    before, original = model.outputs(), plugin.export_parameters()
    moved = {name: value + np.float32(0.01) for name, value in original.items()}
    plugin.import_parameters(moved)
    back = plugin.export_parameters()
    same = all(np.array_equal(value, back[name]) for name, value in moved.items())
    require(same, "export_parameters() does not return the values that import_parameters() took")
    require(not np.array_equal(before, model.outputs()), "import_parameters() did not reach the model")
    plugin.import_parameters(original)
    require(np.array_equal(before, model.outputs()), "putting the parameters back did not put the model back")


def devices_are_reported(session: ModelsUnderTest) -> None:
    """The device of the model is one that the plugin lists, and its memory is counted unless it is a CPU."""
    model = session.exact
    plugin = model.plugin
    _memory(model)
    if not isinstance(plugin, ListsDevices):
        raise NotLookedAt("needs devices()")
    require(model.info.device in plugin.devices(), f"devices() lacks {model.info.device}, the model's own")


def _memory(model: Model) -> None:
    if not isinstance(model.plugin, ReportsDeviceMemory):
        return
    model.plugin.reset_device_memory_peak()
    peak = model.plugin.device_memory_peak()
    on_cpu = model.info.device == "cpu"
    require(peak is None if on_cpu else bool(peak), f"device_memory_peak() is {peak} on {model.info.device}")


def _on_host(staged: Any) -> Any:
    """Values of an array or a tensor, wherever it lies: tensors on an accelerator refuse NumPy and make lists."""
    return np.asarray(staged.tolist() if hasattr(staged, "tolist") else staged)
