"""Keras `compile` and `fit`: the code that most people write. Keras takes its backend from KERAS_BACKEND."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

from studies.expert_step import Problem, keras_models


def fit(problem: Problem) -> Callable[[int], None]:
    """A call that trains a number of steps in one epoch, on arrays in memory."""
    model = make_gan(problem) if problem.architecture == "gan" else keras_models.make(problem)
    model.compile(
        optimizer=keras.optimizers.Adam(problem.learning_rate),
        loss=_loss(problem),
        run_eagerly=problem.path == "eager",
        jit_compile=problem.path == "jit" and keras.backend.backend() == "tensorflow",
    )

    def run(steps: int) -> None:
        inputs, targets = (np.concatenate(parts) for parts in zip(*_round(problem, steps), strict=True))
        model.fit(inputs, targets, batch_size=problem.signature.inputs.shape[0], verbose=0, shuffle=False)

    return run


def _round(problem: Problem, steps: int) -> list[Any]:
    return [problem.batches[step % len(problem.batches)] for step in range(steps)]


def _loss(problem: Problem) -> Any:
    if problem.signature.loss == "cross_entropy":
        return keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return keras.losses.MeanSquaredError()


def make_gan(problem: Problem) -> keras.Model:
    """Both networks in a model with a `train_step` of its own, as Keras's guide has it for each backend."""
    networks = keras_models.gan(problem)

    class GAN(keras.Model):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = networks
            self.adams = [keras.optimizers.Adam(problem.learning_rate) for _ in range(2)]

        def call(self, noise: Any) -> Any:
            return self.generator(noise)

        def adversarial(self, noise: Any, real: Any) -> tuple[Any, Any]:
            of_fake, of_real = self.discriminator(self.generator(noise)), self.discriminator(real)
            fake = ops.mean(ops.softplus(of_fake))
            return ops.mean(ops.softplus(-of_fake)), ops.mean(ops.softplus(-of_real)) + fake

        def train_step(self, data: Any) -> Any:
            weights = [network.trainable_weights for network in networks]
            losses, gradients = GRADIENTS[keras.backend.backend()](self.adversarial, data, weights)
            for adam, gradient, own in zip(self.adams, gradients, weights, strict=True):
                adam.apply(gradient, own)
            return dict(zip(("generator", "discriminator"), losses, strict=True))

    return GAN()


def _of_tensorflow(losses_of: Callable[..., Any], data: Any, weights: Any) -> Any:
    import tensorflow as tf

    with tf.GradientTape(persistent=True) as tape:
        losses = losses_of(*data)
    return losses, [tape.gradient(loss, own) for loss, own in zip(losses, weights, strict=True)]


def _of_torch(losses_of: Callable[..., Any], data: Any, weights: Any) -> Any:
    import torch

    losses = losses_of(*data)
    values = [[weight.value for weight in own] for own in weights]
    pairs = zip(losses, values, strict=True)
    return losses, [torch.autograd.grad(loss, own, retain_graph=True) for loss, own in pairs]


GRADIENTS = {"tensorflow": _of_tensorflow, "torch": _of_torch}
