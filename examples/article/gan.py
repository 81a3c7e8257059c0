"""A generative adversarial network, as people write it: a Keras model whose `train_step` is its own, and `fit`."""

from __future__ import annotations

from typing import Any

import data
import keras
import tensorflow as tf
from keras import layers

LATENT = 100


class GAN(keras.Model):
    """A generator and a discriminator that work against each other."""

    def __init__(self) -> None:
        super().__init__()
        self.generator = keras.Sequential(
            [
                keras.Input((LATENT,)),
                layers.Dense(128),
                layers.LeakyReLU(negative_slope=0.01),
                layers.Dense(784, activation="tanh"),
                layers.Reshape((28, 28, 1)),
            ]
        )
        self.discriminator = keras.Sequential(
            [
                keras.Input((28, 28, 1)),
                layers.Flatten(),
                layers.Dense(128),
                layers.LeakyReLU(negative_slope=0.01),
                layers.Dense(1),
            ]
        )
        self.entropy = keras.losses.BinaryCrossentropy(from_logits=True)

    def compile(self, generator: Any, discriminator: Any) -> None:
        """Keep an optimizer for each network."""
        super().compile()
        self.of_generator, self.of_discriminator = generator, discriminator

    def train_step(self, real: Any) -> dict[str, Any]:
        """Update both networks on a batch of real images."""
        noise = tf.random.normal((tf.shape(real)[0], LATENT))
        with tf.GradientTape(persistent=True) as tape:
            made = self.generator(noise)
            said, of_made = self.discriminator(real), self.discriminator(made)
            fooled = self.entropy(tf.ones_like(of_made), of_made)
            told = self.entropy(tf.ones_like(said), said) + self.entropy(tf.zeros_like(of_made), of_made)
        for loss, network, optimizer in (
            (fooled, self.generator, self.of_generator),
            (told, self.discriminator, self.of_discriminator),
        ):
            weights = network.trainable_variables
            optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return {"generator": fooled, "discriminator": told}


def make() -> GAN:
    """Both networks."""
    return GAN()


if __name__ == "__main__":
    model = make()
    model.compile(keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-4))
    model.fit(data.images()[0], batch_size=32, epochs=3)
