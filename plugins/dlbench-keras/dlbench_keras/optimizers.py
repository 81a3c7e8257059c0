"""Optimizers of the contract as Keras's own classes, and one that records gradients instead of taking them."""

from __future__ import annotations

import importlib
import math
from typing import Any

import keras

from dlbench import plugin
from dlbench.plugin_kit import own_optimizer


def make(settings: plugin.Optimizer, variables: list[Any]) -> Any:
    """The optimizer of a build request. Raises SpecError for a function of the user's that returns none of Keras's."""
    match settings:
        case plugin.SGD():
            return _dense(keras.optimizers.SGD)(settings.learning_rate, momentum=settings.momentum)
        case plugin.OwnOptimizer():
            fits = lambda own: isinstance(own, keras.optimizers.Optimizer)  # noqa: E731
            return own_optimizer(settings, variables, fits, "a keras.optimizers one")
        case _:
            return _adam(settings)


def name(optimizer: Any) -> str:
    """The name of its class in Keras."""
    return next(base.__name__ for base in type(optimizer).__mro__ if base.__module__.startswith("keras."))


def _dense(base: Any) -> Any:
    """Keras's optimizer in the class of this backend, with dense gradients.

    TensorFlow gives the gradient of an embedding as slices, and Keras's Adam squares each slice before those of a
    repeated token are added: another second moment than the contract's.
    """

    class Dense(type(base())):  # type: ignore[misc]  # keras is untyped
        """The same algorithm."""

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            """One update."""
            return super().apply([_added(one) for one in grads], trainable_variables)

    return Dense


def _added(gradient: Any) -> Any:
    """The gradient, its slices added up if it has some."""
    is_sliced = hasattr(gradient, "indices") and hasattr(gradient, "dense_shape")
    return importlib.import_module("tensorflow").convert_to_tensor(gradient) if is_sliced else gradient


def _adam(settings: plugin.Adam | plugin.AdamW) -> Any:
    """Keras's own Adam or AdamW, on PyTorch its fused one, with the epsilon and the rate that make it the contract's.

    Keras adds epsilon to the root before the correction of the second moment, so it is given `epsilon * root(t)`.
    """
    decays = isinstance(settings, plugin.AdamW)

    class Stated(_dense(keras.optimizers.AdamW if decays else keras.optimizers.Adam)):  # type: ignore[misc]
        """Adam as the contract states it."""

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            """One update."""
            step = keras.ops.cast(self.iterations + 1, "float32")
            self.epsilon = settings.epsilon * keras.ops.sqrt(_correction(settings.beta2, step))
            return super().apply(grads, trainable_variables)

    more = {"weight_decay": settings.weight_decay} if isinstance(settings, plugin.AdamW) else {}
    return Stated(_Rate(settings), name="adam", beta_1=settings.beta1, beta_2=settings.beta2, **more)


class _Rate(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]  # keras is untyped
    """The rate at which Keras's update has the exact corrections of both moments.

    Keras forms `1 - beta^t` in float32: 1.3e-5 off at step 1, by which the losses of a small cnn differ by 1e-3 after
    20 steps. What it will form is divided out here, and the exact value put in its place.
    """

    def __init__(self, settings: plugin.Adam | plugin.AdamW) -> None:
        super().__init__()
        self._settings = settings

    def __call__(self, step: Any) -> Any:
        """Rate of the update after `step` others."""
        ops, step = keras.ops, keras.ops.cast(step + 1, "float32")
        betas = self._settings.beta1, self._settings.beta2
        theirs = [1 - ops.power(ops.cast(beta, "float32"), step) for beta in betas]
        exact = [_correction(beta, step) for beta in betas]
        ratio = ops.sqrt(exact[1] / theirs[1]) * theirs[0] / exact[0]
        return self._settings.learning_rate * ratio


def _correction(beta: float, step: Any) -> Any:
    """`1 - beta^t`, right to the last places of float32."""
    return -keras.ops.expm1(step * math.log(beta)) if beta else keras.ops.ones_like(step)


class Recorder(keras.optimizers.Optimizer):  # type: ignore[misc]  # keras is untyped
    """An optimizer that keeps the gradients of a step in `seen` and changes no parameter."""

    def __init__(self) -> None:
        super().__init__(learning_rate=1.0, name="recorder")

    def build(self, variables: list[Any]) -> None:
        """A place for each gradient."""
        if not self.built:
            super().build(variables)
            self.seen = [self.add_variable_from_reference(one, "gradient") for one in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:  # noqa: ARG002
        """Keep one."""
        self.assign(self.seen[self._get_variable_index(variable)], _added(gradient))
