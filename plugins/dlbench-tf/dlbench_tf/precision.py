"""Precision of products: set explicitly, refused if the machine has no such arithmetic, and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import tensorflow as tf

from dlbench.errors import Unsupported
from dlbench.plugin_kit import require_arithmetic

KERNELS = ("/kernel", "/recurrent")
"""Ends of the canonical names of kernels, which rows are multiplied with."""
WHOLE = {"fp64": tf.float64}
"""Precisions in which everything is held and computed: parameters, inputs, sums, and the optimizer's moments."""


def prepare(precision: str, *, gpu: bool) -> None:
    """Set the type to which operands of matrix products and convolutions are rounded.

    Raises Unsupported for an unknown precision, or one that this device has no arithmetic for.
    """
    if precision not in ("fp32", "tf32", "bf16", *WHOLE):
        raise Unsupported(f"precision {precision}: the plugins of TensorFlow have fp32, tf32, bf16 and fp64")
    require_arithmetic(precision, "gpu" if gpu else "cpu")
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")


def kind_of(precision: str) -> tf.DType:
    """Type in which parameters and sums are held."""
    return WHOLE.get(precision, tf.float32)


def held(values: Any, precision: str) -> Any:
    """Inputs or targets in the type in which sums are held, if that is another than float32; integers stay."""
    if precision not in WHOLE:
        return values
    kind = WHOLE[precision]
    return tf.nest.map_structure(lambda one: tf.cast(one, kind) if one.dtype.is_floating else one, values)


def rounded(parameters: Mapping[str, tf.Tensor], precision: str) -> dict[str, tf.Tensor]:
    """The parameters as products take them: in bf16 the kernels are; all else, and every sum, stays as it is.

    A gradient goes through the rounding to the float32 value.
    """
    if precision != "bf16":
        return dict(parameters)
    return {
        name: tf.cast(value, tf.bfloat16) if name.endswith(KERNELS) else value for name, value in parameters.items()
    }


def read_back(parameters: Mapping[str, tf.Tensor], taken: Mapping[str, tf.Tensor]) -> str:
    """Precision of parameters and products: `fp32` only if nothing is rounded below it."""
    kinds = {value.dtype.name for value in parameters.values()}
    if kinds == {"float64"}:
        return "fp64"
    if kinds != {"float32"}:
        return "/".join(sorted(kinds))
    if {value.dtype for name, value in taken.items() if name.endswith(KERNELS)} == {tf.bfloat16}:
        return "bf16"
    return "tf32" if tf.config.experimental.tensor_float_32_execution_enabled() else "fp32"
