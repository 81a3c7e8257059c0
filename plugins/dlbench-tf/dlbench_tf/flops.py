"""Floating-point operations of a function: the products in the program that TensorFlow hands to XLA.

XLA's own cost analysis adds the elementwise operations and leaves the padding of convolutions out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dlbench.plugin_kit import flops_of_hlo


def of_function(function: Callable[..., Any], arguments: Any) -> float | None:
    """FLOPs of one call; None if XLA has no such program, or does not count the passes of a loop in it."""
    specs = [tf.TensorSpec(array.shape, array.dtype) for array in tf.nest.flatten(arguments)]

    def of_arrays(*arrays: Any) -> Any:
        return function(tf.nest.pack_sequence_as(arguments, arrays))

    traced = tf.function(of_arrays, jit_compile=True, autograph=False)
    try:
        return flops_of_hlo(traced.experimental_get_compiler_ir(*specs)(stage="hlo"))
    except (tf.errors.OpError, ValueError):  # ValueError: no such program
        return None
