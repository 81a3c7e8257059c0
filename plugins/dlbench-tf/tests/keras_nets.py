"""A user's file of Keras models, for the tests of the adaptor."""

NET = """
import keras
import msgspec
import numpy as np
import tensorflow as tf
from keras import layers

class Net(keras.Model):
    def __init__(self, hidden=8):
        super().__init__()
        self.hidden, self.out = layers.Dense(hidden, activation="relu"), layers.Dense(4)

    def call(self, x):
        return self.out(self.hidden(x))

    def example_inputs(self):
        return np.zeros((3, 6), np.float32)

class Bare(keras.layers.Layer):
    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], 4), name="kernel")

    def call(self, x):
        return x @ self.kernel

def make(depth=1):
    tower = [layers.Dense(5, activation="relu") for _ in range(depth)]
    return keras.Sequential([keras.Input((6,)), *tower, layers.Dense(4)])

def tokens():
    words, mask = keras.Input((None,), dtype="int32", name="words"), keras.Input((None,), dtype="int32", name="mask")
    rows = layers.Embedding(50, 8)(words) * keras.ops.cast(mask, "float32")[..., None]
    return keras.Model({"words": words, "mask": mask}, {"states": rows, "logits": layers.Dense(50)(rows)})

def unseeded():
    kernel = np.random.default_rng().normal(size=(6, 4)).astype("float32")
    return keras.Sequential([keras.Input((6,)), layers.Dense(4, kernel_initializer=lambda *a, **k: kernel)])

def one(outputs, targets):
    return 1.0

def broken():
    raise ValueError("no such thing")

def dropped():
    return keras.Sequential([keras.Input((6,)), layers.Dense(4), layers.Dropout(0.5)])

def stateful():
    return keras.Sequential([keras.Input((6, 3), batch_size=3), layers.LSTM(4, stateful=True), layers.Dense(4)])

def turned():
    turn = layers.RandomRotation(0.1, name="turn")
    return keras.Sequential([keras.Input((8, 8, 3)), turn, layers.Flatten(), layers.Dense(4)])

class Branches(Net):
    def call(self, x):
        return self.out(x) if tf.reduce_sum(x) > 0 else self.out(-x)

def mixed(policy="mixed_bfloat16"):
    return keras.Sequential([keras.Input((6,)), layers.Dense(8, dtype=policy), layers.Dense(4, dtype="float32")])

class Own(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = layers.Dense(4, activation="softmax")

    def call(self, x):
        return self.out(x)

    def train_step(self, data):
        return {}

def compiled():
    model = make()
    model.compile("rmsprop", "mse")
    return model

def pair():
    one, other = keras.Input((6,)), keras.Input((3,))
    return keras.Model([one, other], layers.Dense(4)(layers.Concatenate()([one, other])))

def heads():
    rows = keras.Input((6,))
    return keras.Model(rows, [layers.Dense(3, name="coarse")(rows), layers.Dense(5, name="fine")(rows)])

def words():
    return keras.Sequential([keras.Input((), dtype="string", name="words"), layers.TextVectorization(10)])

class Example(Net):
    def example_inputs(self):
        return np.zeros((3, 6))

ready, unbuilt, number, noisy = make(), keras.Sequential([layers.Dense(4)]), 3, dropped()
"""
