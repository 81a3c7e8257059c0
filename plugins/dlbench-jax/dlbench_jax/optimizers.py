"""Optimizers as the contract states them, in JAX operations, and the user's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from dlbench import plugin
from dlbench.plugin_kit import own_optimizer
from dlbench_jax.network import Arrays


class Optimizer(NamedTuple):
    """The first moments, and an update: gradients, parameters, moments and the step's number to the next of both."""

    name: str
    moments: Any
    update: Callable[[Arrays, Arrays, Any, Any], tuple[Arrays, Any]]


def make(settings: plugin.Optimizer, parameters: Arrays) -> Optimizer:
    """The optimizer of a build request. Raises SpecError for a user's function that returns none."""
    zeros = {name: np.zeros(value.shape, np.float32) for name, value in parameters.items()}
    match settings:
        case plugin.SGD():
            return Optimizer("SGD by hand", zeros, _sgd(settings))
        case plugin.OwnOptimizer():
            return _own(settings, parameters)
        case _:
            moments = zeros, {name: value.copy() for name, value in zeros.items()}
            return Optimizer(f"{type(settings).__name__} by hand", moments, _adam(settings))


def _adam(settings: plugin.Adam | plugin.AdamW) -> Callable[..., tuple[Arrays, Any]]:
    """`w -= rate * m / (sqrt(v) + epsilon)` with the corrections in rate and epsilon: the contract's formula."""
    beta1, beta2 = settings.beta1, settings.beta2
    decay = settings.learning_rate * settings.weight_decay if isinstance(settings, plugin.AdamW) else 0.0

    def update(gradients: Arrays, values: Arrays, moments: Any, count: Any) -> tuple[Arrays, Any]:
        rate, epsilon = _corrected(settings, count)
        means = {name: beta1 * moments[0][name] + (1 - beta1) * g for name, g in gradients.items()}
        squares = {name: beta2 * moments[1][name] + (1 - beta2) * (g * g) for name, g in gradients.items()}
        values = {name: w * (1 - decay) for name, w in values.items()} if decay else values
        return {name: w - rate * means[name] / (jnp.sqrt(squares[name]) + epsilon) for name, w in values.items()}, (
            means,
            squares,
        )

    return update


def _corrected(settings: plugin.Adam | plugin.AdamW, count: Any) -> tuple[Any, Any]:
    """Rate and epsilon of update `count` = 1, 2, ..., in float64; JAX has it in a program only if it is allowed."""

    def in_doubles(count: Any) -> tuple[Any, Any]:
        root = (1.0 - settings.beta2**count) ** 0.5
        return settings.learning_rate * root / (1.0 - settings.beta1**count), settings.epsilon * root

    if isinstance(count, int):
        return in_doubles(float(count))
    with jax.enable_x64(True):
        rate, epsilon = in_doubles(count.astype(np.float64))
        return rate.astype(np.float32), epsilon.astype(np.float32)


def _sgd(settings: plugin.SGD) -> Callable[..., tuple[Arrays, Any]]:
    def update(gradients: Arrays, values: Arrays, moments: Any, _: Any) -> tuple[Arrays, Any]:
        if settings.momentum:
            gradients = moments = {name: settings.momentum * moments[name] + g for name, g in gradients.items()}
        return {name: w - settings.learning_rate * gradients[name] for name, w in values.items()}, moments

    return update


def _own(settings: plugin.OwnOptimizer, parameters: Arrays) -> Optimizer:
    """A pair of functions `init` and `update`, as optax has them, that the user's function returns."""
    pair = lambda found: hasattr(found, "init") and hasattr(found, "update")  # noqa: E731
    found = own_optimizer(settings, parameters, pair, "one with init and update, as optax has them")

    def update(gradients: Arrays, values: Arrays, moments: Any, _: Any) -> tuple[Arrays, Any]:
        changes, moments = found.update(gradients, moments, values)
        return {name: w + changes[name] for name, w in values.items()}, moments

    return Optimizer(f"{type(found).__name__} of {settings.function}", found.init(parameters), update)
