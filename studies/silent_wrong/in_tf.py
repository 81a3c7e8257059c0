"""The same twelve faults in TensorFlow, each planted in a plugin of `dlbench_tf` when its factory is called."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import msgspec
import numpy as np
import tensorflow as tf

import dlbench_tf
from dlbench.plugin import Batch, BuildRequest, Description, Spec
from dlbench_tf.functional import FunctionalNetwork
from dlbench_tf.layers import Tensors
from dlbench_tf.model import TFModel

_NAMES = ("mlp", "objective", "optimizers", "recurrent", "transformer")
_modules: Iterator[Any] = (importlib.import_module(f"dlbench_tf.{name}") for name in _NAMES)
mlp, objective, optimizers, recurrent, transformer = _modules  # the package itself calls its plugins so

Change = Callable[[Tensors], Tensors]


def _described(spec: Spec) -> Description:
    return Description(framework="tf", architecture=spec.architecture, paths=("eager", "graph", "jit"))


def _plugin(make_forward: Callable[[BuildRequest], Any]) -> TFModel:
    return TFModel(partial(FunctionalNetwork, make_forward), _described)


def _changed(make_forward: Callable[[BuildRequest], Any], change: Change) -> TFModel:
    """The architecture, handed other parameters than it has."""

    def make(request: BuildRequest) -> Any:
        forward = make_forward(request)
        return lambda parameters, inputs, dropout, **more: forward(change(parameters), inputs, dropout, **more)

    return _plugin(make)


def _perceptron(activations: Callable[[int, int, tf.Tensor], tf.Tensor]) -> TFModel:
    """The multilayer perceptron with another function after each hidden layer, given its number and theirs."""

    def make(request: BuildRequest) -> Any:
        layers = len(request.configuration.widths)

        def forward(parameters: Tensors, inputs: tf.Tensor, _: Any) -> tf.Tensor:
            rows = tf.reshape(inputs, [inputs.shape[0], -1])
            for layer in range(layers):
                rows = activations(layer, layers, mlp.dense(parameters, f"dense{layer}", rows))
            return mlp.dense(parameters, "output", rows)

        return forward

    return _plugin(make)


def dropped_activation() -> TFModel:
    """No ReLU after the last hidden layer."""
    return _perceptron(lambda layer, layers, rows: rows if layer == layers - 1 else tf.nn.relu(rows))


def dropped_bias() -> TFModel:
    """The bias of the output is there and not added."""
    return _changed(mlp.make_forward, lambda found: {**found, "output/bias": 0.0 * found["output/bias"]})


def wrong_dtype() -> TFModel:
    """Kernels rounded to bf16, under the name of fp32."""

    def rounded(found: Tensors) -> Tensors:
        return {
            name: tf.cast(tf.cast(value, tf.bfloat16), value.dtype) if name.endswith("/kernel") else value
            for name, value in found.items()
        }

    return _changed(mlp.make_forward, rounded)


def stopped_gradient() -> TFModel:
    """No gradient passes below the second hidden layer; the first layer's is zero, as if it had none."""

    def activation(layer: int, _: int, rows: tf.Tensor) -> tf.Tensor:
        rows = tf.nn.relu(rows)
        return tf.stop_gradient(rows) + 0.0 * rows if layer == 0 else rows

    return _perceptron(activation)


class _Stale(TFModel):
    """Gives one parameter back its value after each update."""

    def train_step(self, batch: Batch) -> tf.Tensor:
        stale = self._network.variables[0]
        before = tf.identity(stale)
        loss = super().train_step(batch)
        stale.assign(before)
        return loss


def stale_weight() -> TFModel:
    """The first kernel is not updated."""
    return _Stale(partial(FunctionalNetwork, mlp.make_forward), _described)


def _with_loss(loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> TFModel:
    objective.OBJECTIVES["cross_entropy"] = objective._supervised(loss)
    return dlbench_tf.mlp()


def summed_loss() -> TFModel:
    """The loss is the sum over the batch, not the mean."""
    return _with_loss(lambda logits, labels: objective.cross_entropy(logits, labels) * float(logits.shape[0]))


def half_batch() -> TFModel:
    """The loss leaves out the second half of the batch."""
    return _with_loss(
        lambda logits, labels: objective.cross_entropy(logits[: logits.shape[0] // 2], labels[: logits.shape[0] // 2])
    )


def no_bias_correction() -> TFModel:
    """Adam forgets to correct its moments."""

    def uncorrected(self: Any, _: Any) -> tuple[tf.Tensor, tf.Tensor]:
        said = self._settings
        return tf.constant(said.learning_rate, tf.float32), tf.constant(said.epsilon, tf.float32)

    optimizers.Adam._corrected = uncorrected
    return dlbench_tf.mlp()


def layer_norm_epsilon() -> TFModel:
    """Layer normalisation with the default epsilon of another library."""

    def make(request: BuildRequest) -> Any:
        other = msgspec.structs.replace(request.configuration, norm_epsilon=1e-5)
        return transformer.make_forward(dataclasses.replace(request, configuration=other))

    return _plugin(make)


def unscaled_attention() -> TFModel:
    """Scores are not divided by the root of the key's width."""

    def make(request: BuildRequest) -> Any:
        forward, root = transformer.make_forward(request), request.configuration.key_dim**0.5

        def larger(found: Tensors) -> Tensors:
            return {name: value * root if "/query/" in name else value for name, value in found.items()}

        return lambda parameters, inputs, dropout: forward(larger(parameters), inputs, dropout)

    return _plugin(make)


def mask_off_by_one() -> TFModel:
    """Each position sees the one after it."""
    transformer._causal_mask = lambda sequence: tf.constant(
        np.where(np.tri(sequence, k=1, dtype=bool), np.float32(0.0), transformer.MASKED)
    )
    return dlbench_tf.transformer()


def gate_order() -> TFModel:
    """The forget gate and the candidate of an LSTM change places."""

    def swapped(found: Tensors) -> Tensors:
        return {name: _swapped(value) if name.startswith("cell/") else value for name, value in found.items()}

    return _changed(recurrent.make_forward, swapped)


def _swapped(values: tf.Tensor) -> tf.Tensor:
    first, second, third, last = tf.split(values, 4, axis=-1)
    return tf.concat([first, third, second, last], -1)
