"""The core's cnn (`dlbench.architectures.cnn`) in TensorFlow operations; both keep images channels-last."""

from __future__ import annotations

import tensorflow as tf

from dlbench.architectures.cnn import CNN, POOL
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, as_type, dense, scope, widened


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for images of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 4, "images (batch, height, width, channels)")
    model: CNN = request.configuration

    def forward(parameters: Tensors, images: tf.Tensor, _: Dropout) -> tf.Tensor:
        for layer in range(len(model.channels)):
            kernel = parameters[f"conv{layer}/kernel"]
            with scope(f"conv{layer}"):
                maps = tf.nn.conv2d(as_type(images, kernel.dtype), kernel, strides=1, padding="VALID")
                maps = tf.nn.bias_add(widened(maps), parameters[f"conv{layer}/bias"])
            images = tf.nn.max_pool2d(tf.nn.relu(maps), POOL, POOL, "VALID")
        flat = tf.reshape(images, [images.shape[0], -1])
        return dense(parameters, "output", tf.nn.relu(dense(parameters, "dense", flat)))

    return forward
