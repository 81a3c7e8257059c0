"""Layers of several architectures: functions of tensors, chosen by measurement among TensorFlow's own ways."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

Tensors = Mapping[str, tf.Tensor]
Forward = Callable[..., tf.Tensor]
"""Parameters by canonical name, inputs and dropout to outputs; all that an architecture is here."""
_OPEN = nullcontext()


def scope(name: str) -> AbstractContextManager[object]:
    """The name of a layer for the nodes of a graph, for profiles; run op by op it would only cost time."""
    return _OPEN if tf.executing_eagerly() else tf.name_scope(f"{name}/")  # with a slash none is numbered


def dense(parameters: Tensors, name: str, rows: tf.Tensor) -> tf.Tensor:
    """Rows (n, inputs) to (n, outputs)."""
    with scope(name):
        return tf.nn.bias_add(multiply(rows, parameters[f"{name}/kernel"]), parameters[f"{name}/bias"])


def multiply(rows: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """Their matrix product in the type of the kernel (`dlbench_tf.precision`), as sums take it."""
    return widened(tf.matmul(as_type(rows, kernel.dtype), kernel))


def widened(product: tf.Tensor) -> tf.Tensor:
    """A product as sums take it: bfloat16 as float32, all else as it is."""
    return tf.cast(product, tf.float32) if product.dtype == tf.bfloat16 else product


def as_type(values: tf.Tensor, kind: tf.DType) -> tf.Tensor:
    """The values in this type; tf.cast costs microseconds in an eager step also if there is nothing to do."""
    return values if values.dtype == kind else tf.cast(values, kind)


def enter(parameters: Tensors, inputs: tf.Tensor) -> tf.Tensor:
    """Tokens of any shape or features (..., features) as rows (n, width), by `dlbench.architectures.sequences`."""
    if "embedding/tokens" in parameters:
        with scope("embedding"):
            return embed(parameters["embedding/tokens"], tf.reshape(inputs, [-1]))
    rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
    return dense(parameters, "embedding", rows) if "embedding/kernel" in parameters else rows


def embed(table: tf.Tensor, tokens: tf.Tensor) -> tf.Tensor:
    """Rows of the table (vocabulary, width) for tokens (n), as (n, width).

    The gradient is a product with one-hot rows: dense, deterministic, and faster than the scatter under XLA.
    """

    def lookup(table: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        def gradient(upstream: tf.Tensor) -> tf.Tensor:
            return tf.matmul(tf.one_hot(tokens, table.shape[0], dtype=table.dtype), upstream, transpose_a=True)

        return tf.gather(table, tokens), gradient

    return tf.custom_gradient(lookup)(table)


def layer_norm(rows: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor, epsilon: float) -> tf.Tensor:
    """Layer normalisation (Ba et al., 2016) of rows (n, width).

    The gradient in closed form is half the operations of the one that the tape would find; eager gains a tenth.
    """

    def normalise(
        rows: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        centred = rows - _mean(rows)
        inverse = tf.math.rsqrt(_mean(tf.square(centred)) + epsilon)
        normal = centred * inverse

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            scaled = upstream * scale
            inner = scaled - _mean(scaled) - normal * _mean(scaled * normal)
            return inner * inverse, tf.reduce_sum(upstream * normal, 0), tf.reduce_sum(upstream, 0)

        return normal * scale + offset, gradient

    return tf.custom_gradient(normalise)(rows, scale, offset)


def _mean(rows: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(rows, axis=-1, keepdims=True)
