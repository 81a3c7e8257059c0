"""Optimizers as the contract states them, computed by TensorFlow's own fused kernels, and the user's own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import tensorflow as tf

from dlbench import plugin
from dlbench.errors import SpecError
from dlbench.plugin_kit import load_reference, users_errors


class Optimizer(Protocol):
    """Moments of the variables, and one update of all of them."""

    name: str

    def apply(self, gradients: Sequence[tf.Tensor], count: float | tf.Tensor) -> None:
        """Update number `count` = 1, 2, ...: a float, or a float64 scalar inside a graph."""
        ...


class Adam:
    """Adam, or AdamW with a weight decay.

    The kernel ResourceApplyAdam knows no correction of its own when both beta powers are 0: it then computes
    `w -= rate * m / (sqrt(v) + epsilon)`. With `rate = learning_rate * root / (1 - beta1^t)`, `epsilon * root` and
    `root = sqrt(1 - beta2^t)`, all in float64, that is the contract's formula. The kernel rounds the betas to
    the type of the variables and the corrections follow it: otherwise, in float32, `v / (1 - beta2^t)` would be 1.3e-5
    too small at t = 1.
    """

    name = "ResourceApplyAdam"

    def __init__(self, settings: plugin.Adam | plugin.AdamW, variables: Sequence[tf.Variable]) -> None:
        self._settings = settings
        self._decay = settings.weight_decay * settings.learning_rate if isinstance(settings, plugin.AdamW) else 0.0
        self._kind = variables[0].dtype
        self._beta1, self._beta2 = (float(self._kind.as_numpy_dtype(beta)) for beta in (settings.beta1, settings.beta2))
        self._slots = [(variable, *(tf.Variable(tf.zeros_like(variable)) for _ in range(2))) for variable in variables]
        self._scalars = [tf.constant(value, self._kind) for value in (0.0, self._beta1, self._beta2)]

    def apply(self, gradients: Sequence[tf.Tensor], count: float | tf.Tensor) -> None:
        """One update."""
        rate, epsilon = self._corrected(count)
        zero, beta1, beta2 = self._scalars
        for (variable, mean, square), gradient in zip(self._slots, gradients, strict=True):
            if self._decay:
                variable.assign_sub(self._decay * variable)
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
        return tf.cast(rate, self._kind), tf.cast(self._settings.epsilon * root, self._kind)


class SGD:
    """Gradient descent; the kernel with momentum computes `v = momentum * v + g` and `w -= learning_rate * v`."""

    def __init__(self, settings: plugin.SGD, variables: Sequence[tf.Variable]) -> None:
        self.name = "ResourceApplyMomentum" if settings.momentum else "ResourceApplyGradientDescent"
        self._rate, self._momentum = (
            tf.constant(one, variables[0].dtype) for one in (settings.learning_rate, settings.momentum)
        )
        self._variables = variables
        self._moments = [tf.Variable(tf.zeros_like(variable)) for variable in variables] if settings.momentum else []

    def apply(self, gradients: Sequence[tf.Tensor], count: float | tf.Tensor) -> None:  # noqa: ARG002
        """One update; every one is alike."""
        for at, (variable, gradient) in enumerate(zip(self._variables, gradients, strict=True)):
            if self._moments:
                tf.raw_ops.ResourceApplyMomentum(
                    var=variable.handle,
                    accum=self._moments[at].handle,
                    lr=self._rate,
                    grad=gradient,
                    momentum=self._momentum,
                )
            else:
                tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=self._rate, delta=gradient)


class Own:
    """Optimizer of Keras that the user's function returns for the parameters."""

    def __init__(self, settings: plugin.OwnOptimizer, parameters: Sequence[Any]) -> None:
        with users_errors(settings.function):
            self._optimizer = load_reference(settings.function)(parameters)
        if not (hasattr(self._optimizer, "build") and hasattr(self._optimizer, "apply")):
            kind = type(self._optimizer).__name__
            raise SpecError(f"optimizer {settings.function}: returned a {kind}; return a keras.optimizers.Optimizer")
        self._parameters = list(parameters)
        self._optimizer.build(self._parameters)
        self.name = f"{type(self._optimizer).__name__} of {settings.function}"

    def apply(self, gradients: Sequence[tf.Tensor], count: float | tf.Tensor) -> None:  # noqa: ARG002
        """One update; Keras counts for itself."""
        self._optimizer.apply(list(gradients), self._parameters)


def make_optimizer(
    settings: plugin.Optimizer, variables: Sequence[tf.Variable], parameters: Sequence[Any]
) -> Optimizer:
    """The optimizer of a build request; `parameters` are the variables as the user's own function wants them."""
    match settings:
        case plugin.SGD():
            return SGD(settings, variables)
        case plugin.OwnOptimizer():
            return Own(settings, parameters)
        case _:
            return Adam(settings, variables)
