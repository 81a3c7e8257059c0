"""The core's seven architectures as models of Keras's own layers, named so that variables have canonical names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import keras
import msgspec
from keras import layers

from dlbench.architectures.cnn import KERNEL, POOL
from dlbench.architectures.gan import SLOPE
from dlbench.architectures.sequences import pools_over_time
from dlbench.errors import Unsupported
from dlbench.plugin import BuildRequest, Description, Signature, Spec
from dlbench.plugin_kit import require_known
from dlbench_keras.backends import Backend
from dlbench_keras.trained import Made, adversarial


class Known:
    """An architecture that the core describes. A layer `block0-norm1` holds the parameters `block0/norm1/...`."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def describe(self, spec: Spec) -> Description:
        """Name and paths."""
        return Description(framework=self._backend.framework, architecture=spec.architecture, paths=self._backend.paths)

    def make(self, request: BuildRequest) -> Made:
        """The model. Raises Unsupported for an architecture that is not there, or a task that it does not take."""
        require_known(request)
        architecture, signature = request.spec.architecture, request.signature
        if architecture == "gan":
            return _gan(request)
        if architecture not in _BODIES:
            raise Unsupported(f"{request.spec.plugin}: there is no model of {architecture} in Keras")
        body = _BODIES[architecture]
        inputs = _inputs(signature)
        outputs = layers.Dense(signature.outputs.shape[-1], name="output")(body(inputs, request))
        return Made(keras.Model(inputs, _as_float(outputs)), signature.loss)


def _inputs(signature: Signature) -> Any:
    return keras.Input(batch_shape=signature.inputs.shape, dtype=signature.inputs.dtype)


def _as_float(outputs: Any) -> Any:
    """Outputs of mixed precision as float32, as Keras's guide to mixed precision has it."""
    mixed = keras.config.dtype_policy().compute_dtype != "float32"
    return layers.Activation("linear", dtype="float32", name="float32")(outputs) if mixed else outputs


def _mlp(inputs: Any, request: BuildRequest) -> Any:
    rows = layers.Flatten()(inputs)
    for number, width in enumerate(request.configuration.widths):
        rows = layers.Dense(width, "relu", name=f"dense{number}")(rows)
    return rows


def _cnn(inputs: Any, request: BuildRequest) -> Any:
    maps = inputs
    for number, channels in enumerate(request.configuration.channels):
        maps = layers.Conv2D(channels, KERNEL, activation="relu", name=f"conv{number}")(maps)
        maps = layers.MaxPooling2D(POOL)(maps)
    return layers.Dense(request.configuration.units, "relu", name="dense")(layers.Flatten()(maps))


def _recurrent(inputs: Any, request: BuildRequest) -> Any:
    model = request.configuration
    cells = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}
    return cells[model.cell](model.units, name="cell")(_entered(inputs, request.signature, model.units, project=False))


def _transformer(inputs: Any, request: BuildRequest) -> Any:
    signature = request.signature
    model = msgspec.structs.replace(request.configuration, dropout=request.configuration.dropout * request.dropout)
    rows = Positions(name="embedding-positions")(_entered(inputs, signature, model.width, project=True))
    for number in range(model.blocks):
        rows = _block(rows, model, f"block{number}", causal=signature.causal)
    return layers.GlobalAveragePooling1D()(rows) if pools_over_time(signature) else rows


def _block(rows: Any, model: Any, name: str, *, causal: bool) -> Any:
    attention = layers.MultiHeadAttention(model.heads, model.key_dim, name=name)
    attended = layers.Dropout(model.dropout)(attention(rows, rows, use_causal_mask=causal))
    rows = layers.LayerNormalization(epsilon=model.norm_epsilon, name=f"{name}-norm1")(rows + attended)
    hidden = layers.Dense(model.feed_forward, "relu", name=f"{name}-expand")(rows)
    fed = layers.Dropout(model.dropout)(layers.Dense(model.width, name=f"{name}-contract")(hidden))
    return layers.LayerNormalization(epsilon=model.norm_epsilon, name=f"{name}-norm2")(rows + fed)


class Positions(layers.Layer):  # type: ignore[misc]  # keras is untyped
    """Learned positions, added to rows (batch, time, width)."""

    def build(self, shape: Any) -> None:
        """One row for every time step."""
        self.embeddings = self.add_weight(shape=shape[1:], name="embeddings")

    def call(self, rows: Any) -> Any:
        """Rows of the same shape."""
        return rows + self.embeddings


def _entered(inputs: Any, signature: Signature, width: int, *, project: bool) -> Any:
    if signature.vocabulary is not None:
        return layers.Embedding(signature.vocabulary, width, name="embedding-tokens")(inputs)
    return layers.Dense(width, name="embedding")(inputs) if project else inputs


def _gan(request: BuildRequest) -> Made:
    signature, model = request.signature, request.configuration
    noise, shape = _inputs(signature), signature.outputs.shape[1:]
    images = keras.Input(batch_shape=signature.outputs.shape)
    pixels = math.prod(shape)
    flat = layers.Dense(pixels, "tanh", name="generator-output")(_leaky(noise, "generator", model.generator))
    of_images = _leaky(layers.Flatten()(images), "discriminator", model.discriminator)
    logits = layers.Dense(1, name="discriminator-output")(of_images)
    generator = keras.Model(noise, _as_float(layers.Reshape(shape)(flat)))
    return Made(generator, signature.loss, adversarial(generator, keras.Model(images, _as_float(logits))))


def _leaky(rows: Any, name: str, widths: tuple[int, ...]) -> Any:
    for number, width in enumerate(widths):
        rows = layers.LeakyReLU(SLOPE)(layers.Dense(width, name=f"{name}-dense{number}")(rows))
    return rows


_BODIES: dict[str, Callable[[Any, BuildRequest], Any]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "transformer": _transformer,
}
