"""A gated recurrent network, as people write it: Keras and `fit`."""

from __future__ import annotations

import data
import keras
from keras import layers


def make() -> keras.Model:
    """Fifty units over ten values."""
    return keras.Sequential([keras.Input((10, 1)), layers.GRU(50), layers.Dense(1)])


if __name__ == "__main__":
    model = make()
    model.compile("adam", "mse")
    model.fit(*data.series(), batch_size=32, epochs=3)
