"""The core's rnn, lstm and gru (`dlbench.architectures.recurrent`) in TensorFlow operations.

An LSTM in fp32 outside XLA is one operation over all time steps, forward and backward. Elsewhere the products with the
inputs of all time steps are one matrix product before the loop over time; if XLA unrolls it, each step has its own,
which XLA fuses better (an LSTM of 10 steps takes 0.84 times as long).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import tensorflow as tf

from dlbench.architectures.recurrent import Cell, Recurrent
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, dense, enter, multiply, scope

Advance = Callable[[Tensors, tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""Parameters, the part that comes from the input, h and c, to the next h and c."""
Step = Callable[[tf.Tensor, tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]
"""The same with the parameters given."""

UNROLLED = 10
"""Time steps that XLA gets unrolled; a longer sequence is a loop in its program.

Measured on a CPU, loop against unrolled: at 10 steps of 50 units the loop is 1.0 to 1.5 times slower; at 16 steps of
256 units it is about even and compiles two to four times faster; at 64 the unrolled LSTM takes over a minute to compile
and then three times as long a step, and the others gain nothing. A TensorFlow graph of rnn and gru is always unrolled,
as its loop is 2 to 3 times slower (1.2 with a TensorArray); eager steps run one by one anyway.
"""


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for sequences of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 3, "sequences (batch, time, features) or tokens (batch, time)", tokens=True)
    model: Recurrent = request.configuration
    batch, steps, *features = request.signature.inputs.shape
    time_first = [1, 0, 2][: 2 + len(features)]
    compiled = request.spec.path == "jit"
    last_state = _looped if compiled and steps > UNROLLED else _unrolled

    def forward(parameters: Tensors, sequence: tf.Tensor, _: Dropout) -> tf.Tensor:
        by_time = enter(parameters, tf.transpose(sequence, time_first))
        zeros = tf.zeros([batch, model.units], by_time.dtype)
        if model.cell == "lstm" and not compiled and parameters["cell/kernel"].dtype == tf.float32:
            with scope("cell"):
                last = _fused(parameters, tf.reshape(by_time, [steps, batch, -1]), zeros)
            return dense(parameters, "output", last)
        advance = partial(_advance, ADVANCE[model.cell], parameters)
        if compiled and steps <= UNROLLED:
            rows, advance = by_time, partial(_from_raw, advance, parameters)
        else:
            rows = dense(parameters, "cell", by_time)
        return dense(parameters, "output", last_state(advance, tf.reshape(rows, [steps, batch, -1]), zeros))

    return forward


def _fused(p: Tensors, by_time: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    """The last state of an LSTM by TensorFlow's kernels for the whole sequence, which XLA does not have.

    Measured on a CPU: 13 times faster than one time step after the other in eager mode at 10 steps of 50 units and 3
    times at 64 of 256; in a graph 1.2 times and even. The gradient that TensorFlow 2.21 registers for BlockLSTMV2 is
    that of BlockLSTM, whose gates stand in another order, and is wrong; the kernel of its own is right.
    """
    peephole = tf.zeros([zeros.shape[-1]], zeros.dtype)
    fixed = {"seq_len_max": tf.constant(by_time.shape[0], tf.int64), "cs_prev": zeros, "h_prev": zeros}
    fixed |= {"wci": peephole, "wcf": peephole, "wco": peephole, "use_peephole": False}

    def run(x: tf.Tensor, w: tf.Tensor, b: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        states = tf.raw_ops.BlockLSTMV2(x=x, w=w, b=b, **fixed)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            before = tf.zeros_like(states.h[1:])
            of_h = tf.concat([before, upstream[tf.newaxis]], 0)
            found = tf.raw_ops.BlockLSTMGradV2(
                x=x, w=w, b=b, **fixed, **states._asdict(), cs_grad=tf.zeros_like(states.cs), h_grad=of_h
            )
            return found.x_grad, found.w_grad, found.b_grad

        return states.h[-1], gradient

    weights = tf.concat([p["cell/kernel"], p["cell/recurrent"]], 0)
    return tf.custom_gradient(run)(by_time, weights, p["cell/bias"])


def _unrolled(advance: Step, from_inputs: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    h = c = zeros
    for from_input in tf.unstack(from_inputs):
        h, c = advance(from_input, h, c)
    return h


def _advance(
    cell: Advance, p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    with scope("cell"):
        return cell(p, from_input, h, c)


def _from_raw(advance: Step, p: Tensors, raw: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return advance(dense(p, "cell", raw), h, c)


def _looped(advance: Step, from_inputs: tf.Tensor, zeros: tf.Tensor) -> tf.Tensor:
    """XLA differentiates only loops whose longest run is known."""
    steps = from_inputs.shape[0]

    def body(t: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, ...]:
        return t + 1, *advance(from_inputs[t], h, c)

    _, h, _ = tf.while_loop(lambda t, *_: t < steps, body, (0, zeros, zeros), maximum_iterations=steps)
    return h


def _rnn(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    return tf.tanh(from_input + multiply(h, p["cell/recurrent"])), c


def _lstm(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    i, f, candidate, o = tf.split(from_input + multiply(h, p["cell/recurrent"]), 4, axis=1)
    c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(candidate)
    return tf.sigmoid(o) * tf.tanh(c), c


def _gru(p: Tensors, from_input: tf.Tensor, h: tf.Tensor, c: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Both gates at once, and the old state and the new one weighted apart.

    Under XLA, taking turns on a CPU with AVX-512, a small step takes 0.88, 0.91 and 0.88 (three runs) of the time that
    it takes with `new + z * (h - new)`; other paths and size base do not care (0.99 to 1.02).
    """
    from_state = tf.nn.bias_add(multiply(h, p["cell/recurrent"]), p["cell/recurrent_bias"])
    parts = [2 * h.shape[1], h.shape[1]]
    x_gates, x_n = tf.split(from_input, parts, axis=1)
    h_gates, h_n = tf.split(from_state, parts, axis=1)
    z, r = tf.split(tf.sigmoid(x_gates + h_gates), 2, axis=1)
    new = tf.tanh(x_n + r * h_n)
    return z * h + (1 - z) * new, c


ADVANCE: dict[Cell, Advance] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
