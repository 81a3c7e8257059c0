"""The core's rnn, lstm and gru (`dlbench.architectures.recurrent`) in TensorFlow operations.

The products with the inputs of all time steps are one matrix product before the loop over time.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from dlbench.architectures.recurrent import Cell, Recurrent
from dlbench.plugin import BuildRequest
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, dense, enter, require_task

Advance = Callable[[Tensors, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Parameters, the part that comes from the input, h and c, to the next h and c."""
Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""The same with the parameters given."""

UNROLLED = 10
"""Time steps that XLA gets unrolled; a longer sequence is a loop in its program.

Measured on a CPU, loop against unrolled: at 10 steps of 50 units the loop is 1.0 to 1.5 times slower; at 16 steps of
256 units it is about even and compiles two to four times faster; at 64 the unrolled LSTM takes over a minute to compile
and then three times as long a step, and the others gain nothing. A TensorFlow graph is always unrolled, as its loop is
2 to 3 times slower (1.2 with a TensorArray); eager steps run one by one anyway.
"""


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for sequences of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 3, "sequences (batch, time, features) or tokens (batch, time)", tokens=True)
    model: Recurrent = request.configuration
    batch, steps, *features = request.signature.inputs.shape
    time_first = [1, 0, 2][: 2 + len(features)]
    last_state = _looped if request.spec.path == "jit" and steps > UNROLLED else _unrolled

    def forward(parameters: Tensors, sequence: tf.Tensor, _: Dropout) -> tf.Tensor:
        by_time = enter(parameters, tf.transpose(sequence, time_first))
        from_inputs = tf.reshape(dense(parameters, "cell", by_time), [steps, batch, -1])
        advance = partial(ADVANCE[model.cell], parameters)
        return dense(parameters, "output", last_state(advance, from_inputs, tf.zeros([batch, model.units])))

    return forward


def _unrolled(advance: Step, from_inputs: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    h = c = zeros
    for from_input in tf.unstack(from_inputs):
        h, c = advance(from_input, h, c)
    return h


def _looped(advance: Step, from_inputs: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    """XLA differentiates only loops whose longest run is known."""
    steps = from_inputs.shape[0]

    def body(t: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return t + 1, *advance(from_inputs[t], h, c)

    _, h, _ = tf.while_loop(lambda t, *_: t < steps, body, (0, zeros, zeros), maximum_iterations=steps)
    return h


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
