"""A convolutional network, as people write it: Keras and `fit`."""

from __future__ import annotations

import data
import keras
from keras import layers


def make() -> keras.Model:
    """Two convolutions, each with pooling, and a dense layer."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


if __name__ == "__main__":
    model = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(*data.images(), batch_size=32, epochs=3)
