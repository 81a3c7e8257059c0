"""A multilayer perceptron, as people write it: Keras and `fit`."""

from __future__ import annotations

import data
import keras
from keras import layers


def make() -> keras.Model:
    """Two hidden layers of 64."""
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(64, activation="relu"),
            layers.Dense(10),
        ]
    )


if __name__ == "__main__":
    model = make()
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    model.fit(*data.images(), batch_size=32, epochs=3)
