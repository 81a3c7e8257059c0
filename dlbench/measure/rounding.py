"""The type of the operands of a model's products, found in its outputs: rounding to that type changes nothing.

A product in bf16 rounds its operands to bf16. So operands that were rounded beforehand give the same outputs, to the
last bit. A product in float32 gives others. The plugin's own word is not taken for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from dlbench.measure import arrays
from dlbench.plugin import ExchangesParameters, ModelPlugin

if TYPE_CHECKING:
    import numpy.typing as npt

    Array = npt.NDArray[Any]

Change = Callable[["Array"], "Array"]
Outputs = Callable[[Change], "Array"]
"""The outputs of the model once a change was made to the float32 values that it multiplies first."""

FRACTIONS = {"bf16": 7, "tf32": 10}
"""Bits of the fraction: bfloat16 and NVIDIA's TF32, both with the exponent of float32, which has 23."""
KINDS = ("bf16", "fp16", "tf32")
KERNELS = ("kernel", "recurrent")
"""Last parts of the canonical names of parameters that rows are multiplied with (`dlbench.architectures`)."""
NUDGE = 1 + 2**-6
"""A change of each operand that any of the types can hold: outputs that it leaves alone tell nothing."""


def taken_in(outputs: Outputs) -> tuple[str, ...]:
    """The narrowest types to which operands can be rounded without a change; `fp32` if every rounding shows.

    Empty if it cannot be told: for outputs that differ from call to call, are not finite, or depend on the operands in
    fewer than half of their places.
    """
    plain = outputs(np.array)
    if not (np.isfinite(plain).all() and np.array_equal(plain, outputs(np.array))):
        return ()
    if np.mean(outputs(lambda values: values * np.float32(NUDGE)) != plain) < 0.5:
        return ()
    found = tuple(kind for kind in KINDS if _unchanged(outputs, kind, plain)) or ("fp32",)
    return found[:1] if found[0] == "bf16" else found  # operands of bf16 may be cut off from tf32 first


def outputs_of(plugin: ModelPlugin, inputs: Any, predict: Callable[[Any], Array]) -> Outputs | None:
    """Ways to change the first product of a model: numbers are inputs themselves, tokens choose rows of parameters.

    Numbers are random, because a task's may be short enough for any type. None for tokens if the plugin does not
    exchange parameters.
    """
    if any(one.dtype == np.float32 for one in arrays.parts(inputs)):
        generator = np.random.default_rng(0)
        drawn = arrays.each(lambda one: _drawn(generator, one), inputs)
        return lambda change: np.array(predict(arrays.each(lambda one: _changed(change, one), drawn)))
    if not isinstance(plugin, ExchangesParameters):
        return None
    parameters = plugin.export_parameters()

    def changed(change: Change) -> Array:
        kernels = {name: change(value) for name, value in parameters.items() if name.rpartition("/")[2] in KERNELS}
        plugin.import_parameters({**parameters, **kernels})
        return np.array(predict(inputs))

    return changed


def _drawn(generator: np.random.Generator, values: Array) -> Array:
    return generator.standard_normal(values.shape, np.float32) if values.dtype == np.float32 else values


def _changed(change: Change, values: Array) -> Array:
    return change(values) if values.dtype == np.float32 else values


def rounded(values: Array, kind: str) -> Iterator[Array]:
    """The values in this type and back: to nearest, and for those that hardware cuts off also towards zero."""
    if kind == "fp16":
        with np.errstate(over="ignore"):
            yield values.astype(np.float16).astype(np.float32)
        return
    dropped = 23 - FRACTIONS[kind]
    bits = values.astype(np.float32).view(np.uint32)
    kept = np.uint32(0xFFFFFFFF >> dropped << dropped)
    half = np.uint32((1 << dropped - 1) - 1) + (bits >> np.uint32(dropped) & np.uint32(1))
    for found in (bits + half, bits):
        yield (found & kept).view(np.float32)


def _unchanged(outputs: Outputs, kind: str, plain: Array) -> bool:
    def way(number: int) -> Change:
        return lambda values: list(rounded(values, kind))[number]

    ways = 1 if kind == "fp16" else 2
    return any(np.array_equal(outputs(way(number)), plain) for number in range(ways))
