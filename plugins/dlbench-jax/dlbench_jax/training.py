"""Losses, their gradients with respect to the parameters that each of them trains, and optimizers of the parameters."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dlbench import plugin
from dlbench.architectures.functional import DISCRIMINATOR, GENERATOR, Operations, stacked
from dlbench.plugin_kit import Corrections, Rule, loss_function, losses_by_name, own_optimizer, update_rule
from dlbench_jax.network import Arrays, Forward, operations, rounded

Differentiate = Callable[[Forward, Arrays, Arrays, Any, Any], tuple[Any, Arrays, Arrays]]
"""A forward pass, parameters, state, batch and key to the loss or losses, gradients by name and the next state."""
LOSSES = losses_by_name(jnp, jax.nn.log_softmax)


def differentiation(loss: str | Callable[..., Any], precision: str = "fp32", path: str = "eager") -> Differentiate:
    """Losses and gradients by the name of a loss, a `file.py:function`, or a function of outputs and targets.

    `precision` and `path` are those of the networks of `adversarial`; a forward pass has its own.

    Raises Unsupported for any other name, and SpecError for a function that cannot be loaded and, when it is used, for
    a loss that is no scalar.
    """
    if loss == "adversarial":
        return partial(_adversarial, partial(_judged, precision, operations(path)))
    function = loss_function(loss, LOSSES, "JAX")

    def differentiate(forward: Forward, p: Arrays, state: Arrays, batch: Any, key: Any) -> tuple[Any, Arrays, Arrays]:
        def lost(p: Arrays) -> tuple[Any, Arrays]:
            outputs, after = forward(p, state, batch[0], key)
            return jnp.asarray(function(outputs, batch[1]), np.float32), after

        (found, after), gradients = jax.value_and_grad(lost, has_aux=True)(p)
        return found, gradients, after

    return differentiate


def _judged(precision: str, of: Operations, judges: Arrays, images: Any, sign: float) -> Any:
    return jax.nn.softplus(sign * stacked(rounded(judges, precision), DISCRIMINATOR, images, of)).mean()


def _adversarial(
    judged: Callable[[Arrays, Any, float], Any], forward: Forward, p: Arrays, state: Arrays, batch: Any, key: Any
) -> tuple[Any, Arrays, Arrays]:
    """Generator and discriminator loss, as `dlbench.architectures.gan` states them; each trains its own network."""
    made, judges = ({name: p[name] for name in p if name.startswith(of)} for of in (GENERATOR, DISCRIMINATOR))
    noise, real = batch
    fake, pull = jax.vjp(lambda made: forward({**p, **made}, state, noise, key)[0].reshape(len(noise), -1), made)

    generator, by_fake = jax.value_and_grad(lambda fake: judged(judges, fake, -1.0))(fake)
    discriminator, of_judges = jax.value_and_grad(
        lambda judges: judged(judges, real.reshape(len(noise), -1), -1.0) + judged(judges, fake, 1.0)
    )(judges)
    return jnp.stack([generator, discriminator]), {**pull(by_fake)[0], **of_judges}, state


def optimizer(settings: plugin.Optimizer, parameters: Arrays) -> Rule:
    """The optimizer of a build request. Raises SpecError for a user's function that returns none."""
    if isinstance(settings, plugin.OwnOptimizer):
        return _own(settings, parameters)
    return update_rule(settings, parameters, jnp.sqrt, _in_doubles)


def _in_doubles(corrections: Corrections, count: Any) -> tuple[Any, Any]:
    """JAX has float64 in a program only if it is allowed."""
    if isinstance(count, int):
        return corrections(float(count))
    with jax.enable_x64(True):
        rate, epsilon = corrections(count.astype(np.float64))
        return rate.astype(np.float32), epsilon.astype(np.float32)


def _own(settings: plugin.OwnOptimizer, parameters: Arrays) -> Rule:
    """A pair of functions `init` and `update`, as optax has them, that the user's function returns."""
    pair = lambda found: hasattr(found, "init") and hasattr(found, "update")  # noqa: E731
    found = own_optimizer(settings, parameters, pair, "one with init and update, as optax has them")

    def update(gradients: Any, values: Any, moments: Any, _: Any) -> tuple[Arrays, Any]:
        changes, moments = found.update(gradients, moments, values)
        return {name: w + changes[name] for name, w in values.items()}, moments

    return Rule(f"{type(found).__name__} of {settings.function}", found.init(parameters), update)
