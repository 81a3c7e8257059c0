"""Dropout that is new in every step and the same again for the same seed and step, on every path."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

Dropout = Callable[[tf.Tensor, float], tf.Tensor]

PHILOX = 1
"""The generator that TensorFlow has on every device and under XLA (Salmon et al., 2011)."""
LEVELS = 2**16
DRAWS = 2**8
"""Dropouts that one step may hold without two of them sharing random bits."""


def off(values: tf.Tensor, rate: float) -> tf.Tensor:  # noqa: ARG001 (the signature of Dropout)
    """No dropout: prediction, and gradients for comparison."""
    return values


class SeededDropout:
    """The dropouts of one step; `count` is its number, a float or a float64 scalar inside a graph.

    Sixteen random bits a value: the rate is rounded to a multiple of 2^-16 (0.1 becomes 0.100006) and the values that
    stay are scaled by the rounded rate. Drawing 32 bits a value made the small XLA step a fifth slower.
    """

    def __init__(self, seed: int, count: float | tf.Tensor) -> None:
        self._key, self._count, self._draws = tf.constant([seed], tf.uint64), count, 0

    def __call__(self, values: tf.Tensor, rate: float) -> tf.Tensor:
        """Set a share `rate` of the values, in [0, 1), to zero and scale the others by 1 / (1 - rate)."""
        if rate == 0.0:
            return values
        threshold = round(rate * LEVELS)
        kind = values.dtype.as_numpy_dtype
        kept = kind(LEVELS / (LEVELS - threshold))
        bits = tf.reshape(self._bits(math.prod(values.shape)), values.shape)
        return values * tf.where(bits >= np.uint16(threshold), kept, kind(0.0))

    def _bits(self, size: int) -> tf.Tensor:
        """Uniform uint16; the counter's upper half is step and draw, its lower half is left to the generator."""
        stream = self._count * DRAWS + self._draws
        self._draws += 1
        counter = tf.cast(tf.convert_to_tensor([0.0, stream], dtype_hint=tf.float64), tf.uint64)
        words = tf.raw_ops.StatelessRandomUniformFullIntV2(
            shape=[-(-size // 4)], key=self._key, counter=counter, alg=PHILOX, dtype=tf.uint64
        )
        bits = tf.reshape(tf.bitcast(words, tf.uint16), [-1])
        return bits if size % 4 == 0 else bits[:size]
