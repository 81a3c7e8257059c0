"""Precision of products: set explicitly, refused if the machine has no such arithmetic, and read back."""

from __future__ import annotations

from collections.abc import Mapping

import tensorflow as tf

from dlbench import precision as arithmetic
from dlbench.errors import Unsupported

KERNELS = ("/kernel", "/recurrent")
"""Ends of the canonical names of kernels, which rows are multiplied with."""


def prepare(precision: str, *, gpu: bool) -> None:
    """Set the type to which operands of matrix products and convolutions are rounded.

    Raises Unsupported for an unknown precision, or one that this device has no arithmetic for.
    """
    if precision not in ("fp32", "tf32", "bf16"):
        raise Unsupported(f"precision {precision}: the plugins of TensorFlow have fp32, tf32 and bf16")
    if precision == "tf32" and not gpu:
        raise Unsupported("precision tf32: a CPU has no TF32; it is a mode of NVIDIA's tensor cores")
    if not gpu:
        arithmetic.require(precision)
    tf.config.experimental.enable_tensor_float_32_execution(precision == "tf32")


def rounded(parameters: Mapping[str, tf.Tensor], precision: str) -> dict[str, tf.Tensor]:
    """The parameters as products take them: in bf16 the kernels are; all else, and every sum, is float32.

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
    if kinds != {"float32"}:
        return "/".join(sorted(kinds))
    if {value.dtype for name, value in taken.items() if name.endswith(KERNELS)} == {tf.bfloat16}:
        return "bf16"
    return "tf32" if tf.config.experimental.tensor_float_32_execution_enabled() else "fp32"
