"""The core's gan (`dlbench.architectures.gan`) in TensorFlow operations."""

from __future__ import annotations

import tensorflow as tf

from dlbench.architectures.gan import GAN, SLOPE
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_adversarial
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, dense

GENERATOR, DISCRIMINATOR = "generator/", "discriminator/"


def make_forward(request: BuildRequest) -> Forward:
    """Noise to images; with real images too, the discriminator's logits of generated and of real ones.

    Raises Unsupported for a task of another kind.
    """
    require_adversarial(request)
    model: GAN = request.configuration
    signature = request.signature

    def forward(parameters: Tensors, noise: tf.Tensor, _: Dropout, real: tf.Tensor | None = None) -> tf.Tensor:
        fake = tf.tanh(_run(parameters, GENERATOR, len(model.generator), noise))
        if real is None:
            return tf.reshape(fake, signature.outputs.shape)
        images = fake, tf.reshape(real, fake.shape)
        return [_run(parameters, DISCRIMINATOR, len(model.discriminator), image) for image in images]

    return forward


def _run(parameters: Tensors, network: str, hidden: int, rows: tf.Tensor) -> tf.Tensor:
    for layer in range(hidden):
        rows = tf.nn.leaky_relu(dense(parameters, f"{network}dense{layer}", rows), SLOPE)
    return dense(parameters, f"{network}output", rows)
