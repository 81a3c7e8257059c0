"""The architectures in Keras layers, as its documentation would have them; on whichever backend Keras runs."""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops

from studies.expert_step import Problem

CELLS = {"rnn": layers.SimpleRNN, "lstm": layers.LSTM, "gru": layers.GRU}


def make(problem: Problem, *, unroll: bool = False) -> keras.Model:
    """Any architecture but the gan, which is two networks: see `gan`."""
    shape = problem.signature.inputs.shape
    inputs = keras.Input(shape[1:], batch_size=shape[0], dtype=problem.signature.inputs.dtype)
    match problem.architecture:
        case "mlp":
            outputs = _mlp(problem, inputs)
        case "cnn":
            outputs = _cnn(problem, inputs)
        case "transformer":
            outputs = _transformer(problem, inputs)
        case cell:
            outputs = CELLS[cell](problem.sizes.units, unroll=unroll)(inputs)
    return keras.Model(inputs, layers.Dense(problem.signature.outputs.shape[-1])(outputs))


def gan(problem: Problem) -> tuple[keras.Model, keras.Model]:
    """Generator and discriminator."""
    noise, image = problem.signature.inputs.shape[1:], problem.signature.outputs.shape[1:]
    pixels = image[0] * image[1] * image[2]
    generator = _leaky(problem.sizes.generator)
    generator = [keras.Input(noise), *generator, layers.Dense(pixels, activation="tanh"), layers.Reshape(image)]
    discriminator = [keras.Input(image), layers.Flatten(), *_leaky(problem.sizes.discriminator), layers.Dense(1)]
    return keras.Sequential(generator), keras.Sequential(discriminator)


def _mlp(problem: Problem, inputs: Any) -> Any:
    rows = layers.Flatten()(inputs)
    for width in problem.sizes.widths:
        rows = layers.Dense(width, activation="relu")(rows)
    return rows


def _cnn(problem: Problem, images: Any) -> Any:
    for channels in problem.sizes.channels:
        images = layers.Conv2D(channels, 3, activation="relu")(images)
        images = layers.MaxPooling2D(2)(images)
    return layers.Dense(problem.sizes.units, activation="relu")(layers.Flatten()(images))


def _transformer(problem: Problem, tokens: Any) -> Any:
    sizes = problem.sizes
    rows = Positions(sizes.sequence, sizes.width)(layers.Embedding(problem.signature.vocabulary, sizes.width)(tokens))
    for _ in range(sizes.blocks):
        attention = layers.MultiHeadAttention(sizes.heads, sizes.key_dim)
        attended = attention(rows, rows, use_causal_mask=problem.signature.causal)
        rows = layers.LayerNormalization(epsilon=sizes.norm_epsilon)(rows + layers.Dropout(sizes.dropout)(attended))
        fed = layers.Dense(sizes.width)(layers.Dense(sizes.feed_forward, activation="relu")(rows))
        rows = layers.LayerNormalization(epsilon=sizes.norm_epsilon)(rows + layers.Dropout(sizes.dropout)(fed))
    return rows


class Positions(layers.Layer):  # type: ignore[misc]
    """Adds an embedding of the place to each row; looked up in every step, so that it is trained."""

    def __init__(self, steps: int, width: int) -> None:
        super().__init__()
        self.steps, self.table = steps, layers.Embedding(steps, width)

    def call(self, rows: Any) -> Any:
        """Rows (batch, steps, width)."""
        return rows + self.table(ops.arange(self.steps))


def _leaky(widths: tuple[int, ...]) -> list[Any]:
    return [layer for width in widths for layer in (layers.Dense(width), layers.LeakyReLU(0.01))]
