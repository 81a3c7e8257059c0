"""Adam as the contract states it, computed by TensorFlow's own fused kernel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from dlbench import plugin


class Adam:
    """Moments of the variables, and one update of all of them.

    The kernel ResourceApplyAdam knows no correction of its own when both beta powers are 0: it then computes
    `w -= rate * m / (sqrt(v) + epsilon)`. With `rate = learning_rate * root / (1 - beta1^t)`, `epsilon * root` and
    `root = sqrt(1 - beta2^t)`, all in float64, that is the contract's formula. The kernel rounds the betas to
    float32 and the corrections follow it: otherwise `v / (1 - beta2^t)` would be 1.3e-5 too small at t = 1.
    """

    def __init__(self, settings: plugin.Adam, variables: Sequence[tf.Variable]) -> None:
        self._settings = settings
        self._beta1, self._beta2 = (float(np.float32(beta)) for beta in (settings.beta1, settings.beta2))
        self._slots = [(variable, *(tf.Variable(tf.zeros_like(variable)) for _ in range(2))) for variable in variables]
        self._scalars = [tf.constant(value, tf.float32) for value in (0.0, self._beta1, self._beta2)]

    def apply(self, gradients: Sequence[tf.Tensor], count: float | tf.Tensor) -> None:
        """Update number `count` = 1, 2, ...: a float, or a float64 scalar inside a graph."""
        rate, epsilon = self._corrected(count)
        zero, beta1, beta2 = self._scalars
        for (variable, mean, square), gradient in zip(self._slots, gradients, strict=True):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=mean.handle,
                v=square.handle,
                beta1_power=zero,
                beta2_power=zero,
                lr=rate,
                beta1=beta1,
                beta2=beta2,
                epsilon=epsilon,
                grad=gradient,
            )

    def _corrected(self, count: float | tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        root = (1.0 - self._beta2**count) ** 0.5
        rate = self._settings.learning_rate * root / (1.0 - self._beta1**count)
        return tf.cast(rate, tf.float32), tf.cast(self._settings.epsilon * root, tf.float32)
