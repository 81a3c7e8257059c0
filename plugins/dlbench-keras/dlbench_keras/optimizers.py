"""Optimizers of the contract as Keras's own classes, and one that records gradients instead of taking them."""

from __future__ import annotations

import importlib
import math
from typing import Any

import keras

from dlbench import plugin
from dlbench.errors import SpecError
from dlbench.plugin_kit import load_reference, users_errors


def make(settings: plugin.Optimizer, variables: list[Any], *, eager: bool) -> Any:
    """The optimizer of a build request. Raises SpecError for a function of the user's that returns none of Keras's."""
    match settings:
        case plugin.SGD():
            return _dense(keras.optimizers.SGD)(settings.learning_rate, momentum=settings.momentum)
        case plugin.OwnOptimizer():
            with users_errors(settings.function):
                own = load_reference(settings.function)(variables)
            if not isinstance(own, keras.optimizers.Optimizer):
                kind = type(own).__name__
                raise SpecError(f"optimizer {settings.function}: returned a {kind}; return a keras.optimizers one")
            return own
        case _:
            return _adam(settings, eager=eager)


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


def _adam(settings: plugin.Adam | plugin.AdamW, *, eager: bool) -> Any:
    """Keras's own Adam or AdamW, on PyTorch its fused one, given the numbers with which it is the contract's.

    Keras forms `1 - beta^t` in float32, off by 1.3e-5 at step 1, and adds epsilon before the correction. So it is
    shown a count at which its corrections are 1, and gets the corrected rate and epsilon of each step. Else the losses
    of a small cnn differ by 1e-3 after 20 steps.
    """
    decay = settings.weight_decay if isinstance(settings, plugin.AdamW) else None

    class Corrected(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
        """The rate of each step."""

        def __call__(self, step: Any) -> Any:
            return keras.ops.convert_to_tensor(_corrected(settings, step, eager=eager)[0], "float32")

    class Stated(_dense(keras.optimizers.AdamW if decay else keras.optimizers.Adam)):  # type: ignore[misc]
        """Adam as the contract states it."""

        iterations = 2**30
        """Read by the update alone, for its corrections; Keras counts in a variable of another name."""

        def apply(self, grads: Any, trainable_variables: Any = None) -> Any:
            """One update."""
            rate, self.epsilon = _corrected(settings, self._iterations, eager=eager)
            if decay:  # Keras multiplies it with the rate
                self.weight_decay = decay * settings.learning_rate / rate
            return super().apply(grads, trainable_variables)

    more = {"weight_decay": decay} if decay else {}
    return Stated(Corrected(), name="adam", beta_1=settings.beta1, beta_2=settings.beta2, **more)


def _corrected(settings: plugin.Adam | plugin.AdamW, step: Any, *, eager: bool) -> tuple[Any, Any]:
    """Rate and epsilon of the update after `step` others: in float64 op by op, and in a graph as tensors."""
    count = int(keras.ops.convert_to_numpy(step)) + 1 if eager else keras.ops.cast(step + 1, "float32")
    first, second = (_correction(beta, count) for beta in (settings.beta1, settings.beta2))
    root = second**0.5
    return settings.learning_rate * root / first, settings.epsilon * root


def _correction(beta: float, count: Any) -> Any:
    """`1 - beta^t`; of a tensor right to the last places of float32."""
    if isinstance(count, int):
        return 1.0 - beta**count
    return -keras.ops.expm1(count * math.log(beta)) if beta else keras.ops.ones_like(count)


class Recorder(keras.optimizers.Optimizer):  # type: ignore[misc]  # keras is untyped
    """An optimizer that keeps the gradients of a step in `seen` and changes no parameter."""

    def __init__(self) -> None:
        super().__init__(learning_rate=1.0, name="recorder")

    def build(self, variables: list[Any]) -> None:
        """A place for each gradient."""
        if not self.built:
            super().build(variables)
            self.seen = self.add_optimizer_variables(variables, "gradient")

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:  # noqa: ARG002
        """Keep one."""
        self.assign(self.seen[self._get_variable_index(variable)], _added(gradient))
