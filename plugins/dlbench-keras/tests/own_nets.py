"""Models that users write, of several kinds; loaded by reference."""

from __future__ import annotations

import keras
import numpy as np
from keras import layers


def functional(width: int = 8):
    """Dropout, batch norm and a softmax at the end."""
    inputs = keras.Input((6,))
    hidden = layers.Dropout(0.3)(layers.BatchNormalization()(layers.Dense(width, "relu")(inputs)))
    return keras.Model(inputs, layers.Dense(3, "softmax")(hidden))


def two_in_two_out():
    """Inputs by name, outputs of two layers."""
    tokens, numbers = keras.Input((5,), dtype="int32", name="ids"), keras.Input((4,), name="values")
    mixed = layers.Concatenate()([layers.GlobalAveragePooling1D()(layers.Embedding(11, 4)(tokens)), numbers])
    outputs = {"logits": layers.Dense(3)(mixed), "state": layers.Dense(2)(mixed)}
    return keras.Model({"tokens": tokens, "numbers": numbers}, outputs)


class Subclassed(keras.Model):
    """Without inputs of its own."""

    def __init__(self):
        super().__init__()
        self.body = layers.Dense(2)

    def call(self, rows):
        return self.body(rows)


instance = keras.Sequential([keras.Input((6,)), layers.Dense(2)])


def steps_itself():
    """A training step of its own that returns no loss."""

    class Silent(keras.Model):
        def train_step(self, data):
            return {"accuracy": np.float32(1)}

    inputs = keras.Input((6,))
    return Silent(inputs, layers.Dense(2)(inputs))


def decayed(parameters):
    """An optimizer of Keras."""
    return keras.optimizers.RMSprop(1e-3)


def shifted(outputs, targets):
    """A loss of the user's own, of outputs and targets."""
    return keras.ops.mean(keras.ops.abs(outputs - targets))


def each(outputs, targets):
    """A loss a sample."""
    return keras.ops.sum(outputs, axis=-1)


class Silent(Subclassed):
    """Returns nothing."""

    def call(self, rows):
        self.body(rows)


def forgetful():
    """Other values each time."""
    value = float(np.random.default_rng().random())
    return keras.Sequential([layers.Dense(3, kernel_initializer=keras.initializers.Constant(value))])


def frozen():
    """Nothing to train."""
    model = functional()
    model.trainable = False
    return model


def weightless():
    """No values."""
    return keras.Sequential([keras.Input((6,)), layers.Reshape((2, 3))])


def doubled():
    """A dtype of its own."""
    return keras.Sequential([keras.Input((6,)), layers.Dense(3, dtype="float64")])


def words():
    """Eleven words."""
    return keras.Sequential([layers.Embedding(11, 4), layers.GlobalAveragePooling1D(), layers.Dense(3)])


number = 3
