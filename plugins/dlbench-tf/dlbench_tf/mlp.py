"""The core's mlp (`dlbench.architectures.mlp`) in TensorFlow operations."""

from __future__ import annotations

import math

import tensorflow as tf

from dlbench.architectures.mlp import MLP
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, dense


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for inputs of any shape. Raises Unsupported for tokens."""
    require_task(request, None, "numbers")
    model: MLP = request.configuration
    features = math.prod(request.signature.inputs.shape[1:])

    def forward(parameters: Tensors, inputs: tf.Tensor, _: Dropout) -> tf.Tensor:
        rows = tf.reshape(inputs, [-1, features])
        for layer in range(len(model.widths)):
            rows = tf.nn.relu(dense(parameters, f"dense{layer}", rows))
        return dense(parameters, "output", rows)

    return forward
