"""Losses, and their gradients with respect to the parameters that each of them trains."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from dlbench.errors import SpecError
from dlbench.plugin_kit import loss_function
from dlbench_jax.architectures import DISCRIMINATOR, GENERATOR, run
from dlbench_jax.network import Arrays, Forward, rounded

Differentiate = Callable[[Forward, Arrays, Arrays, Any, Any], tuple[Any, Arrays, Arrays]]
"""A forward pass, parameters, state, batch and key to the loss or losses, gradients by name and the next state."""


def cross_entropy(logits: Any, labels: Any) -> Any:
    """Mean over all labels of the negative log-likelihood in nats; logits (..., classes), labels (...)."""
    return -jnp.take_along_axis(jax.nn.log_softmax(logits), labels[..., None], -1).mean()


def mse(outputs: Any, targets: Any) -> Any:
    """Mean squared error over all values."""
    return ((outputs - targets) ** 2).mean()


def policy_gradient(logits: Any, targets: Any) -> Any:
    """Mean of advantage times negative log-likelihood of the action; targets (..., 2) hold action and advantage."""
    actions, advantages = targets[..., :1].astype(np.int32), targets[..., 1]
    return -(jnp.take_along_axis(jax.nn.log_softmax(logits), actions, -1)[..., 0] * advantages).mean()


LOSSES: dict[str, Callable[[Any, Any], Any]] = {
    "cross_entropy": cross_entropy,
    "mse": mse,
    "policy_gradient": policy_gradient,
}


def find(loss: str | Callable[..., Any], precision: str = "fp32") -> Differentiate:
    """Losses and gradients by the name of a loss, a `file.py:function`, or a function of outputs and targets.

    `precision` is that of the networks of `adversarial`; a forward pass has its own.

    Raises Unsupported for any other name, and SpecError for a function that cannot be loaded and, when it is used, for
    a loss that is no scalar.
    """
    if loss == "adversarial":
        return partial(_adversarial, precision)
    function = loss_function(loss, LOSSES, "JAX")

    def differentiate(forward: Forward, p: Arrays, state: Arrays, batch: Any, key: Any) -> tuple[Any, Arrays, Arrays]:
        def lost(p: Arrays) -> tuple[Any, Arrays]:
            outputs, after = forward(p, state, batch[0], key)
            found = function(outputs, batch[1])
            if jnp.ndim(found):
                shape = jnp.shape(found)
                raise SpecError(f"loss {loss}: returned shape {shape}, and a loss is one number: take its mean")
            return jnp.asarray(found, np.float32), after

        (found, after), gradients = jax.value_and_grad(lost, has_aux=True)(p)
        return found, gradients, after

    return differentiate


def _adversarial(
    precision: str, forward: Forward, p: Arrays, state: Arrays, batch: Any, key: Any
) -> tuple[Any, Arrays, Arrays]:
    """Generator and discriminator loss, as `dlbench.architectures.gan` states them; each trains its own network."""
    made, judges = ({name: p[name] for name in p if name.startswith(of)} for of in (GENERATOR, DISCRIMINATOR))
    noise, real = batch
    fake, pull = jax.vjp(lambda made: forward({**p, **made}, state, noise, key)[0].reshape(len(noise), -1), made)

    def judged(judges: Arrays, images: Any, sign: float) -> Any:
        return jax.nn.softplus(sign * run(rounded(judges, precision), DISCRIMINATOR, images)).mean()

    generator, by_fake = jax.value_and_grad(lambda fake: judged(judges, fake, -1.0))(fake)
    discriminator, of_judges = jax.value_and_grad(
        lambda judges: judged(judges, real.reshape(len(noise), -1), -1.0) + judged(judges, fake, 1.0)
    )(judges)
    return jnp.stack([generator, discriminator]), {**pull(by_fake)[0], **of_judges}, state
