"""Objectives: losses of a forward pass, and the parameters that each of them trains."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin_kit import load_reference
from dlbench_tf.gan import DISCRIMINATOR, GENERATOR

Losses = Callable[[Callable[..., tf.Tensor], tf.Tensor, tf.Tensor], tuple[tf.Tensor, ...]]


class Objective(NamedTuple):
    """`losses(forward, inputs, targets)` gives one loss for each of `owners`: a prefix of canonical names."""

    losses: Losses
    owners: tuple[str, ...] = ("",)


def together(losses: tuple[tf.Tensor, ...]) -> tf.Tensor:
    """Result of a training step: the loss, or all of them in one tensor."""
    return losses[0] if len(losses) == 1 else tf.stack(losses)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Mean over all labels of the negative log-likelihood in nats; logits (..., classes), labels (...)."""
    flat = tf.reshape(logits, [-1, logits.shape[-1]])
    return tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.reshape(labels, [-1]), flat))


def mse(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean squared error over all values."""
    return tf.reduce_mean(tf.math.squared_difference(outputs, targets))


def policy_gradient(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean of advantage times negative log-likelihood of the action; targets (..., 2) hold action and advantage."""
    actions, advantages = tf.unstack(targets, axis=-1)
    likelihood = -tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(actions, tf.int32), logits)
    return -tf.reduce_mean(likelihood * advantages)


def _supervised(loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Objective:
    return Objective(lambda forward, inputs, targets: (loss(forward(inputs), targets),))


def _adversarial(forward: Callable[..., tf.Tensor], noise: tf.Tensor, real: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Generator and discriminator loss, as `dlbench.architectures.gan` states them."""
    of_fake, of_real = forward(noise, real=real)
    generator = tf.reduce_mean(tf.nn.softplus(-of_fake))
    return generator, tf.reduce_mean(tf.nn.softplus(-of_real)) + tf.reduce_mean(tf.nn.softplus(of_fake))


OBJECTIVES = {
    "cross_entropy": _supervised(cross_entropy),
    "mse": _supervised(mse),
    "policy_gradient": _supervised(policy_gradient),
    "adversarial": Objective(_adversarial, (GENERATOR, DISCRIMINATOR)),
}


def find_objective(loss: str | Callable[..., tf.Tensor]) -> Objective:
    """The objective of this name, of a `file.py:function`, or of a function of outputs and targets.

    Raises Unsupported for any other name, and SpecError for a function that cannot be loaded and, when it is used, for
    a loss that is no scalar.
    """
    if not isinstance(loss, str):
        return _supervised(_scalar(loss, loss.__qualname__))
    if loss in OBJECTIVES:
        return OBJECTIVES[loss]
    if ":" not in loss:
        known = ", ".join(OBJECTIVES)
        raise Unsupported(f"loss {loss}: TensorFlow's plugins have {known}, or file.py:function of your own")
    return _supervised(_scalar(load_reference(loss), loss))


def _scalar(function: Callable[..., tf.Tensor], name: str) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    def checked(outputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        loss = tf.convert_to_tensor(function(outputs, targets))
        if loss.shape.rank != 0:
            raise SpecError(f"loss {name}: returned shape {tuple(loss.shape)}, and a loss is one number: take its mean")
        return loss if loss.dtype == tf.float64 else tf.cast(loss, tf.float32)

    return checked
