"""The core's rnn, lstm and gru (`dlbench.architectures.recurrent`) in TensorFlow operations.

The products with the inputs of all time steps are one; the loop over time is unrolled.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from dlbench.architectures.recurrent import Cell, Recurrent
from dlbench.plugin import BuildRequest
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, dense, require_task

Advance = Callable[[Tensors, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Parameters, the part that comes from the input, h and c, to the next h and c."""


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for sequences of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 3, "sequences (batch, time, features)")
    model: Recurrent = request.configuration
    batch, steps, features = request.signature.inputs.shape
    advance = ADVANCE[model.cell]

    def forward(parameters: Tensors, sequence: tf.Tensor, _: Dropout) -> tf.Tensor:
        by_time = tf.reshape(tf.transpose(sequence, [1, 0, 2]), [-1, features])
        from_inputs = dense(parameters, "cell", by_time)
        h = c = tf.zeros([batch, model.units])
        for from_input in tf.split(from_inputs, steps):
            h, c = advance(parameters, from_input, h, c)
        return dense(parameters, "output", h)

    return forward


def _rnn(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.tanh(from_input + tf.matmul(h, p["cell/recurrent"])), c


def _lstm(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    i, f, candidate, o = tf.split(from_input + tf.matmul(h, p["cell/recurrent"]), 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(candidate)
    return tf.sigmoid(o) * tf.tanh(c), c


def _gru(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    from_state = tf.nn.bias_add(tf.matmul(h, p["cell/recurrent"]), p["cell/recurrent_bias"])
    x_z, x_r, x_n = tf.split(from_input, 3, axis=1)
    h_z, h_r, h_n = tf.split(from_state, 3, axis=1)
    new = tf.tanh(x_n + tf.sigmoid(x_r + h_r) * h_n)
    return new + tf.sigmoid(x_z + h_z) * (h - new), c


ADVANCE: dict[Cell, Advance] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
