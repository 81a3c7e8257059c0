"""Losses and optimizers of the contract in the operators that arrays of most frameworks share with NumPy's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from dlbench.plugin import SGD, Adam, AdamW

Arrays = Mapping[str, Any]
Corrections = Callable[[Any], tuple[Any, Any]]
"""The number of an update, 1, 2, ..., in float64, to rate and epsilon."""


class Rule(NamedTuple):
    """Moments before the first update, and an update: gradients, values, moments and its number to the next of both."""

    name: str
    moments: Any
    update: Callable[[Arrays, Arrays, Any, Any], tuple[dict[str, Any], Any]]


def losses_by_name(numpy: Any, log_softmax: Callable[[Any], Any]) -> dict[str, Callable[[Any, Any], Any]]:
    """Losses of outputs and targets that train one model, as `dlbench.plugin.Signature` states them.

    Of `numpy` it takes `take_along_axis`; `log_softmax` is that of the last axis.
    """

    def picked(likelihoods: Any, labels: Any) -> Any:
        return numpy.take_along_axis(likelihoods, labels, -1)

    def policy_gradient(logits: Any, targets: Any) -> Any:
        actions, advantages = targets[..., :1].astype(np.int32), targets[..., 1]
        return -(picked(log_softmax(logits), actions)[..., 0] * advantages).mean()

    return {
        "cross_entropy": lambda logits, labels: -picked(log_softmax(logits), labels[..., None]).mean(),
        "mse": lambda outputs, targets: ((outputs - targets) ** 2).mean(),
        "policy_gradient": policy_gradient,
    }


def update_rule(
    settings: Adam | AdamW | SGD,
    parameters: Arrays,
    sqrt: Callable[[Any], Any],
    in_doubles: Callable[[Corrections, Any], tuple[Any, Any]],
) -> Rule:
    """The contract's formula for these parameters, float32.

    `in_doubles` calls the function that it is given with the update's number in float64, and returns the results as
    they are to be multiplied with the parameters.
    """
    zeros = {name: np.zeros(value.shape, np.float32) for name, value in parameters.items()}
    name = f"{type(settings).__name__} by hand"
    if isinstance(settings, SGD):
        return Rule(name, zeros, _sgd(settings))
    moments = zeros, {name: value.copy() for name, value in zeros.items()}
    return Rule(name, moments, _adam(settings, sqrt, in_doubles))


def _adam(settings: Adam | AdamW, sqrt: Callable[[Any], Any], in_doubles: Callable[..., tuple[Any, Any]]) -> Any:
    """`w -= rate * m / (sqrt(v) + epsilon)` with the corrections in rate and epsilon: the contract's formula."""
    beta1, beta2 = settings.beta1, settings.beta2
    decay = settings.learning_rate * settings.weight_decay if isinstance(settings, AdamW) else 0.0

    def corrected(count: Any) -> tuple[Any, Any]:
        root = (1.0 - beta2**count) ** 0.5
        return settings.learning_rate * root / (1.0 - beta1**count), settings.epsilon * root

    def update(gradients: Arrays, values: Arrays, moments: Any, count: Any) -> tuple[dict[str, Any], Any]:
        rate, epsilon = in_doubles(corrected, count)
        means = {name: beta1 * moments[0][name] + (1 - beta1) * g for name, g in gradients.items()}
        squares = {name: beta2 * moments[1][name] + (1 - beta2) * (g * g) for name, g in gradients.items()}
        values = {name: w * (1 - decay) for name, w in values.items()} if decay else values
        changed = {name: w - rate * means[name] / (sqrt(squares[name]) + epsilon) for name, w in values.items()}
        return changed, (means, squares)

    return update


def _sgd(settings: SGD) -> Any:
    def update(gradients: Arrays, values: Arrays, moments: Any, _: Any) -> tuple[dict[str, Any], Any]:
        if settings.momentum:
            gradients = moments = {name: settings.momentum * moments[name] + g for name, g in gradients.items()}
        return {name: w - settings.learning_rate * gradients[name] for name, w in values.items()}, moments

    return update
