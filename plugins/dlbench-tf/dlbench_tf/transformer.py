"""The core's transformer (`dlbench.architectures.transformer`) in TensorFlow operations."""

from __future__ import annotations

import msgspec
import numpy as np
import tensorflow as tf

from dlbench.architectures.sequences import pools_over_time
from dlbench.architectures.transformer import Transformer
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task
from dlbench_tf.dropout import Dropout
from dlbench_tf.layers import Forward, Tensors, as_type, dense, enter, layer_norm, scope, widened

MASKED = np.float32(-1e9)
"""Added to a score that a causal model must not see; exp of it is exactly 0 in float32."""


def make_forward(request: BuildRequest) -> Forward:
    """The forward pass for sequences of the request's shape. Raises Unsupported for anything else."""
    what = "sequences (batch, time, features) or tokens (batch, time)"
    require_task(request, 3, what, tokens=True, steps=True)
    signature = request.signature
    model: Transformer = msgspec.structs.replace(request.configuration, sequence=signature.inputs.shape[1])
    mask = _causal_mask(model.sequence) if signature.causal else None

    def forward(parameters: Tensors, inputs: tf.Tensor, dropout: Dropout) -> tf.Tensor:
        # Rows (batch * time, width) throughout: plain matrix products, and reshapes are free.
        entered = tf.reshape(enter(parameters, inputs), [-1, model.sequence, model.width])
        rows = tf.reshape(entered + parameters["embedding/positions"], [-1, model.width])
        for number in range(model.blocks):
            rows = _block(model, parameters, f"block{number}/", rows, mask, dropout)
        if pools_over_time(signature):
            rows = tf.reduce_mean(tf.reshape(rows, [-1, model.sequence, model.width]), axis=1)
        return tf.reshape(dense(parameters, "output", rows), signature.outputs.shape)

    return forward


def _block(
    model: Transformer, p: Tensors, at: str, rows: tf.Tensor, mask: tf.Tensor | None, dropout: Dropout
) -> tf.Tensor:
    rows = _norm(model, p, f"{at}norm1", rows + dropout(_attend(model, p, at, rows, mask), model.dropout))
    fed = dense(p, f"{at}contract", tf.nn.relu(dense(p, f"{at}expand", rows)))
    return _norm(model, p, f"{at}norm2", rows + dropout(fed, model.dropout))


def _norm(model: Transformer, p: Tensors, name: str, rows: tf.Tensor) -> tf.Tensor:
    with scope(name):
        return layer_norm(rows, p[f"{name}/scale"], p[f"{name}/offset"], model.norm_epsilon)


def _attend(model: Transformer, p: Tensors, at: str, rows: tf.Tensor, mask: tf.Tensor | None) -> tf.Tensor:
    """Scaled dot-product attention; batched products of (batch, heads, sequence, key) beat einsum on every path."""
    kind = p[f"{at}query/kernel"].dtype

    def heads(projected: tf.Tensor) -> tf.Tensor:
        split = tf.reshape(as_type(projected, kind), [-1, model.sequence, model.heads, model.key_dim])
        return tf.transpose(split, [0, 2, 1, 3])

    query = heads(dense(p, f"{at}query", rows) * model.key_dim**-0.5)
    scores = widened(tf.matmul(query, heads(dense(p, f"{at}key", rows)), transpose_b=True))
    weights = tf.nn.softmax(scores if mask is None else scores + as_type(mask, scores.dtype))
    mixed = tf.transpose(tf.matmul(as_type(weights, kind), heads(dense(p, f"{at}value", rows))), [0, 2, 1, 3])
    return dense(p, f"{at}projection", tf.reshape(mixed, [-1, model.heads * model.key_dim]))


def _causal_mask(sequence: int) -> tf.Tensor:
    return tf.constant(np.where(np.tri(sequence, dtype=bool), np.float32(0.0), MASKED))
