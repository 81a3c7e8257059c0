"""Models that Keras trains: a functional one by its own step, and a gan by a step for each backend."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import ops

from dlbench.plugin_kit import loss_function, pick_output

LOSSES = ("generator", "discriminator")
"""Losses of a gan in the logs of its step."""


@dataclass(frozen=True)
class Made:
    """A model with its loss; for two networks the function that makes their common model.

    `names` are the keys under which a model wants several inputs; without them it gets a list.
    """

    model: Any
    loss: str
    adversaries: Callable[[], Any] | None = None
    probabilities: bool = False
    names: tuple[str, ...] = ()

    def trained(self, optimizer: Any, *, quiet: bool = False, **path: bool) -> Any:
        """A compiled model over the layers of this one; a quiet one computes in training as in prediction."""
        if self.adversaries is not None:
            model = self.adversaries()
            model.compile(optimizer=optimizer, **path)
        else:
            model = Around(self.model, training=False) if quiet else self.model
            model.compile(optimizer=optimizer, loss=find_loss(self.loss, probabilities=self.probabilities), **path)
        return model

    def taken(self, inputs: Any) -> Any:
        """Inputs of a batch as the model takes them."""
        if not isinstance(inputs, tuple):
            return inputs
        return dict(zip(self.names, inputs, strict=True)) if self.names else list(inputs)


class Around(keras.Model):  # type: ignore[misc]  # keras is untyped
    """A model around another that hands on one output, in float32.

    With `training` False its training drops nothing and changes no state: its gradients are compared.
    """

    def __init__(self, model: Any, output: str = "", *, training: bool | None = None) -> None:
        super().__init__()
        self.model, self._output, self._training = model, output, training

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """The output."""
        training = training if self._training is None else self._training
        return ops.cast(pick_output(self.model(inputs, training=training), self._output), "float32")


def policy_gradient(targets: Any, logits: Any) -> Any:
    """Mean of advantage times negative log-likelihood of the action; targets (batch, 2) hold action and advantage."""
    actions = ops.cast(targets[:, 0], "int32")
    return ops.mean(ops.sparse_categorical_crossentropy(actions, logits, from_logits=True) * targets[:, 1])


def find_loss(loss: str, *, probabilities: bool) -> Any:
    """The loss in Keras, of logits or of probabilities. Raises Unsupported for a name that is not there."""
    known = {
        "cross_entropy": lambda: keras.losses.SparseCategoricalCrossentropy(from_logits=not probabilities),
        "mse": keras.losses.MeanSquaredError,
        "policy_gradient": lambda: policy_gradient,
    }
    function = loss_function(loss, known, "Keras")
    return function() if loss in known else lambda targets, outputs: function(outputs, targets)


def adversarial(generator: Any, discriminator: Any) -> Callable[[], Any]:
    """Makes models of the two networks with a training step of their own."""
    step = {"tensorflow": _tf_step, "torch": _torch_step, "jax": _jax_step}[keras.backend.backend()]

    class Adversaries(keras.Model):  # type: ignore[misc]  # keras is untyped
        """Two networks, each with a loss; one optimizer, for Adam treats every value alone."""

        train_step = step

        def __init__(self) -> None:
            super().__init__()
            self.generator, self.discriminator = generator, discriminator
            self.first = len(generator.trainable_variables)
            self.built = True

        def call(self, noise: Any) -> Any:
            """Images."""
            return self.generator(noise)

        def both(self, noise: Any, real: Any) -> tuple[Any, Any]:
            """Losses of generator and discriminator, as `dlbench.architectures.gan` states them."""
            of_fake, of_real = self.discriminator(self.generator(noise)), self.discriminator(real)
            of_generator = ops.mean(ops.softplus(-of_fake))
            return of_generator, ops.mean(ops.softplus(-of_real)) + ops.mean(ops.softplus(of_fake))

        def halves(self) -> tuple[list[Any], list[Any]]:
            """Variables of each network, in the order of the optimizer."""
            values = self.trainable_variables
            return values[: self.first], values[self.first :]

    return Adversaries


def _tf_step(self: Any, data: Any) -> dict[str, Any]:
    tf = importlib.import_module("tensorflow")
    with tf.GradientTape(persistent=True) as tape:
        losses = self.both(*data[:2])
    gradients = [
        gradient
        for loss, half in zip(losses, self.halves(), strict=True)
        for gradient in tape.gradient(loss, [one.value for one in half])
    ]
    self.optimizer.apply(gradients, self.trainable_variables)
    return dict(zip(LOSSES, losses, strict=True))


def _torch_step(self: Any, data: Any) -> dict[str, Any]:
    torch = importlib.import_module("torch")
    losses = self.both(*data[:2])
    gradients: list[Any] = []
    for loss, half in zip(losses, self.halves(), strict=True):
        gradients += torch.autograd.grad(loss, [one.value for one in half], retain_graph=True)
    with torch.no_grad():
        self.optimizer.apply(gradients, self.trainable_variables)
    return dict(zip(LOSSES, losses, strict=True))


def _jax_step(self: Any, state: Any, data: Any) -> tuple[dict[str, Any], Any]:
    jax = importlib.import_module("jax")
    values, others, moments, metrics = state

    def both(values: list[Any]) -> tuple[Any, Any]:
        with keras.StatelessScope(state_mapping=list(zip(self.trainable_variables, values, strict=True))):
            return self.both(*data[:2])  # type: ignore[no-any-return]

    losses, back = jax.vjp(both, values)
    one, none = ops.ones(()), ops.zeros(())
    gradients = back((one, none))[0][: self.first] + back((none, one))[0][self.first :]
    values, moments = self.optimizer.stateless_apply(moments, gradients, values)
    return dict(zip(LOSSES, losses, strict=True)), (values, others, moments, metrics)
