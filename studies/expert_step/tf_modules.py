"""The architectures as `tf.Module`s over plain operations, for `tf_programs`."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from studies.expert_step import Problem

GATES = {"rnn": 1, "lstm": 4, "gru": 3}


class Dense(tf.Module):
    """`x w + b`, and its activation."""

    def __init__(self, inputs: int, outputs: int, activation: Callable[[Any], Any] = tf.identity) -> None:
        super().__init__()
        self.w, self.b = glorot(inputs, outputs), tf.Variable(tf.zeros([outputs]))
        self.activation = activation

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        rows = tf.nn.bias_add(tf.matmul(rows, self.w), self.b)
        return rows if self.activation is tf.identity else self.activation(rows)


class Chain(tf.Module):
    """One after the other."""

    def __init__(self, *parts: Callable[[Any], Any]) -> None:
        super().__init__()
        self.parts = parts

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        for part in self.parts:
            rows = part(rows)
        return rows


class Convolution(tf.Module):
    """Convolution, ReLU, pooling."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.w, self.b = glorot(3, 3, inputs, outputs), tf.Variable(tf.zeros([outputs]))

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        maps = tf.nn.relu(tf.nn.bias_add(tf.nn.conv2d(images, self.w, 1, "VALID"), self.b))
        return tf.nn.max_pool2d(maps, 2, 2, "VALID")


class Recurrence(tf.Module):
    """Last state of a sequence; time steps unrolled, in a loop, or (LSTM) in the kernel that does all of them."""

    def __init__(self, problem: Problem, *, loop: bool, block: bool) -> None:
        super().__init__()
        self.batch, self.steps, features = problem.signature.inputs.shape
        self.units, self.loop, self.block = problem.sizes.units, loop, block
        wide = GATES[problem.architecture] * self.units
        self.w, self.u, self.b = glorot(features, wide), glorot(self.units, wide), tf.Variable(tf.zeros([wide]))
        self.b2 = tf.Variable(tf.zeros([wide])) if problem.architecture == "gru" else None
        self.advance = getattr(self, problem.architecture)

    def __call__(self, sequence: tf.Tensor) -> tf.Tensor:
        by_time, zeros = tf.transpose(sequence, [1, 0, 2]), tf.zeros([self.batch, self.units])
        if self.block:
            peephole = tf.zeros([self.units])
            weights = {"w": tf.concat([self.w, self.u], 0), "wci": peephole, "wcf": peephole, "wco": peephole}
            states = tf.raw_ops.BlockLSTM(
                seq_len_max=tf.constant(self.steps, tf.int64),
                x=by_time,
                cs_prev=zeros,
                h_prev=zeros,
                b=self.b,
                forget_bias=0.0,
                cell_clip=-1.0,
                **weights,
            )
            return states.h[-1]
        rows = tf.reshape(by_time, [self.steps * self.batch, -1])
        xs = tf.reshape(tf.nn.bias_add(tf.matmul(rows, self.w), self.b), [self.steps, self.batch, -1])
        state = zeros, zeros
        if self.loop:
            body = lambda t, *state: (t + 1, *self.advance(xs[t], *state))  # noqa: E731
            return tf.while_loop(lambda t, *_: t < self.steps, body, (0, *state), maximum_iterations=self.steps)[1]
        u = self.u.value()
        for x in tf.unstack(xs):
            state = self.advance(x, *state, u)
        return state[0]

    def rnn(self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, u: tf.Tensor | None = None) -> tuple[tf.Tensor, ...]:
        return tf.tanh(x + tf.matmul(h, self.u if u is None else u)), c

    def lstm(self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, u: tf.Tensor | None = None) -> tuple[tf.Tensor, ...]:
        i, f, g, o = tf.split(x + tf.matmul(h, self.u if u is None else u), 4, 1)
        c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g)
        return tf.sigmoid(o) * tf.tanh(c), c

    def gru(self, x: tf.Tensor, h: tf.Tensor, c: tf.Tensor, u: tf.Tensor | None = None) -> tuple[tf.Tensor, ...]:
        state = tf.nn.bias_add(tf.matmul(h, self.u if u is None else u), self.b2)
        zr = tf.sigmoid(x[:, : 2 * self.units] + state[:, : 2 * self.units])
        z, r = tf.split(zr, 2, 1)
        n = tf.tanh(x[:, 2 * self.units :] + r * state[:, 2 * self.units :])
        return z * h + (1 - z) * n, c


class Transformer(tf.Module):
    """Tokens to logits; dropout is on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.sizes = s = problem.sizes
        self.tokens, self.positions = glorot(problem.signature.vocabulary or 0, s.width), glorot(s.sequence, s.width)
        self.blocks = [_block(s) for _ in range(s.blocks)]
        self.output = Dense(s.width, problem.signature.outputs.shape[-1])
        self.mask = (1.0 - tf.linalg.band_part(tf.ones([s.sequence, s.sequence]), -1, 0)) * -1e9

    def __call__(self, tokens: tf.Tensor) -> tf.Tensor:
        s = self.sizes
        rows = tf.reshape(tf.gather(self.tokens, tokens) + self.positions, [-1, s.width])
        for packed, projection, expand, contract, norm1, norm2 in self.blocks:
            parts = tf.reshape(packed(rows), [-1, s.sequence, 3, s.heads, s.key_dim])
            query, key, value = tf.unstack(tf.transpose(parts, [2, 0, 3, 1, 4]))
            scores = tf.matmul(query * s.key_dim**-0.5, key, transpose_b=True) + self.mask
            mixed = tf.transpose(tf.matmul(tf.nn.softmax(scores), value), [0, 2, 1, 3])
            attended = projection(tf.reshape(mixed, [-1, s.heads * s.key_dim]))
            rows = self.norm(rows + tf.nn.dropout(attended, s.dropout), *norm1)
            rows = self.norm(rows + tf.nn.dropout(contract(expand(rows)), s.dropout), *norm2)
        return self.output(rows)

    def norm(self, rows: tf.Tensor, scale: tf.Variable, offset: tf.Variable) -> tf.Tensor:
        mean, variance = tf.nn.moments(rows, -1, keepdims=True)
        return tf.nn.batch_normalization(rows, mean, variance, offset, scale, self.sizes.norm_epsilon)


def make(problem: Problem, *, loop: bool = False, block: bool = False) -> tf.Module:
    """Any architecture; the gan's module holds `generator` and `discriminator`."""
    shape, outputs = problem.signature.inputs.shape[1:], problem.signature.outputs.shape[-1]
    match problem.architecture:
        case "mlp":
            return _stack([math.prod(shape), *problem.sizes.widths, outputs], tf.nn.relu)
        case "cnn":
            return _cnn(problem, shape, outputs)
        case "transformer":
            return Transformer(problem)
        case "gan":
            return _gan(problem)
    return Chain(Recurrence(problem, loop=loop, block=block), Dense(problem.sizes.units, outputs))


def glorot(*shape: int) -> tf.Variable:
    """Glorot uniform."""
    field = math.prod(shape[:-2])
    limit = math.sqrt(6 / (field * (shape[-2] + shape[-1])))
    return tf.Variable(tf.random.uniform(shape, -limit, limit))


def _stack(sides: list[int], activation: Callable[[Any], Any], last: Callable[[Any], Any] = tf.identity) -> Chain:
    pairs = list(itertools.pairwise(sides))
    flatten = lambda images: tf.reshape(images, [-1, sides[0]])  # noqa: E731
    return Chain(flatten, *(Dense(*pair, activation) for pair in pairs[:-1]), Dense(*pairs[-1], last))


def _cnn(problem: Problem, shape: tuple[int, ...], outputs: int) -> Chain:
    side, channels = shape[0], shape[-1]
    parts = []
    for wide in problem.sizes.channels:
        parts.append(Convolution(channels, wide))
        side, channels = (side - 2) // 2, wide
    return Chain(*parts, _stack([side * side * channels, problem.sizes.units, outputs], tf.nn.relu))


def _gan(problem: Problem) -> tf.Module:
    leaky = lambda rows: tf.nn.leaky_relu(rows, 0.01)  # noqa: E731
    noise, pixels = problem.signature.inputs.shape[-1], math.prod(problem.signature.outputs.shape[1:])
    module = tf.Module()
    module.generator = _stack([noise, *problem.sizes.generator, pixels], leaky, tf.tanh)
    module.discriminator = _stack([pixels, *problem.sizes.discriminator, 1], leaky)
    return module


def _block(sizes: Any) -> tuple[Any, ...]:
    """Queries, keys and values in one, projection, both layers of the feed-forward network, both norms."""
    inner = sizes.heads * sizes.key_dim
    attention = Dense(sizes.width, 3 * inner), Dense(inner, sizes.width)
    feed = Dense(sizes.width, sizes.feed_forward, tf.nn.relu), Dense(sizes.feed_forward, sizes.width)
    return *attention, *feed, _norm(sizes.width), _norm(sizes.width)


def _norm(width: int) -> tuple[tf.Variable, tf.Variable]:
    return tf.Variable(tf.ones([width])), tf.Variable(tf.zeros([width]))
