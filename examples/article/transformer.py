"""A Transformer block that writes text, as people write it: Keras and `fit`."""

from __future__ import annotations

import data
import keras
from keras import layers


def make() -> keras.Model:
    """One block after an embedding of characters and of places."""
    inputs = keras.Input((64,), dtype="int32")
    h = layers.Embedding(data.TOKENS, 32)(inputs)
    places = layers.Embedding(64, 32)(keras.ops.arange(64))
    h = h + places
    attended = layers.MultiHeadAttention(2, 32)(h, h, use_causal_mask=True)
    h = layers.LayerNormalization(epsilon=1e-6)(h + layers.Dropout(0.1)(attended))
    hidden = layers.Dense(32)(layers.Dense(32, activation="relu")(h))
    h = layers.LayerNormalization(epsilon=1e-6)(h + layers.Dropout(0.1)(hidden))
    return keras.Model(inputs, layers.Dense(data.TOKENS)(h))


if __name__ == "__main__":
    model = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.fit(*data.text(), batch_size=32, epochs=3)
