"""JAX by hand: modules of Flax (nnx) and Adam of optax, the whole step in one `jax.jit` that takes its state over."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from studies.expert_step import Problem, Program

UNROLLED = 16


def programs(problem: Problem) -> dict[str, Program]:
    """Candidates of the problem's path."""
    if problem.path == "eager":
        return {"flax and optax, without jit": _functional(problem, lambda step: step)}
    return {"flax and optax in jax.jit": _functional(problem, lambda step: jax.jit(step, donate_argnums=0))}


def _functional(problem: Problem, compiled: Callable[[Any], Any]) -> Program:
    """Arrays taken out of the modules, which are put together again while JAX traces."""
    adam, losses, batches = optax.adam(problem.learning_rate), _losses(problem), staged(problem)
    models = make(problem)
    graphs, parameters, rests = zip(*(nnx.split(model, nnx.Param, ...) for model in models), strict=True)
    carry = [parameters, rests, tuple(adam.init(one) for one in parameters)]

    def step(carry: Any, x: Any, y: Any) -> Any:
        parameters, rests, moments = carry
        found, after, kept = [], [], []
        for number, own in enumerate(parameters):

            def loss_of(own: Any, number: int = number) -> Any:
                merged = [
                    nnx.merge(graph, own if place == number else parameters[place], rests[place], copy=True)
                    for place, graph in enumerate(graphs)
                ]
                return losses[number](merged, x, y), nnx.split(merged[number], nnx.Param, ...)[2]

            (loss, rest), gradients = jax.value_and_grad(loss_of, has_aux=True)(own)
            updates, moment = adam.update(gradients, moments[number], own)
            found.append(loss)
            after.append(optax.apply_updates(own, updates))
            kept.append((rest, moment))
        return [tuple(after), tuple(rest for rest, _ in kept), tuple(moment for _, moment in kept)], found[0]

    run = compiled(step)

    def once() -> Any:
        nonlocal carry
        carry, loss = run(carry, *next(batches))
        return loss

    return once


def staged(problem: Problem) -> Any:
    """Arrays of the batches, over and over."""
    return itertools.cycle([(jnp.asarray(batch.inputs), jnp.asarray(batch.targets)) for batch in problem.batches])


def _losses(problem: Problem) -> list[Callable[[Any, Any, Any], Any]]:
    """One loss a model, each given all models."""
    match problem.signature.loss:
        case "cross_entropy":
            return [lambda m, x, y: optax.softmax_cross_entropy_with_integer_labels(m[0](x), y).mean()]
        case "mse":
            return [lambda m, x, y: ((m[0](x) - y) ** 2).mean()]
    soft = jax.nn.softplus
    return [
        lambda m, noise, _: soft(-m[1](m[0](noise))).mean(),
        lambda m, noise, real: soft(-m[1](real.reshape(len(real), -1))).mean() + soft(m[1](m[0](noise))).mean(),
    ]


def make(problem: Problem) -> list[nnx.Module]:
    """The modules of an architecture: one, or generator and discriminator."""
    rngs, shape, outputs = nnx.Rngs(0), problem.signature.inputs.shape[1:], problem.signature.outputs.shape
    match problem.architecture:
        case "mlp":
            return [Stack([math.prod(shape), *problem.sizes.widths, outputs[-1]], rngs)]
        case "cnn":
            return [CNN(problem, rngs)]
        case "transformer":
            return [Transformer(problem, rngs)]
        case "gan":
            made, pixels = problem.sizes, math.prod(outputs[1:])
            return [
                Stack([shape[-1], *made.generator, pixels], rngs, nnx.leaky_relu, jnp.tanh),
                Stack([pixels, *made.discriminator, 1], rngs, nnx.leaky_relu),
            ]
    return [Recurrent(problem, rngs)]


class Stack(nnx.Module):
    """Dense layers."""

    def __init__(self, sides: list[int], rngs: Any, activation: Any = nnx.relu, last: Any = lambda rows: rows) -> None:
        self.layers = nnx.List([nnx.Linear(*pair, rngs=rngs) for pair in itertools.pairwise(sides)])
        self.activation, self.last = activation, last

    def __call__(self, rows: Any) -> Any:
        rows = rows.reshape(len(rows), -1)
        for layer in self.layers[:-1]:
            rows = self.activation(layer(rows))
        return self.last(self.layers[-1](rows))


class CNN(nnx.Module):
    """Convolutions, pooled, and dense layers."""

    def __init__(self, problem: Problem, rngs: Any) -> None:
        side, _, channels = problem.signature.inputs.shape[1:]
        self.convolutions = nnx.List([])
        for wide in problem.sizes.channels:
            self.convolutions.append(nnx.Conv(channels, wide, (3, 3), padding="VALID", rngs=rngs))
            side, channels = (side - 2) // 2, wide
        sides = [side * side * channels, problem.sizes.units, problem.signature.outputs.shape[-1]]
        self.head = Stack(sides, rngs)

    def __call__(self, images: Any) -> Any:
        for convolution in self.convolutions:
            images = nnx.max_pool(nnx.relu(convolution(images)), (2, 2), (2, 2))
        return self.head(images)


class Recurrent(nnx.Module):
    """Time steps one by one, or a loop over them; flax.nnx.RNN changes its random state in the loop, which fails.

    Op by op it is a loop of Python: a scan outside of `jit` is traced and compiled again in every step.
    """

    def __init__(self, problem: Problem, rngs: Any) -> None:
        self.units, self.kind, self.path = problem.sizes.units, problem.architecture, problem.path
        wide = {"rnn": 1, "lstm": 4, "gru": 3}[self.kind] * self.units
        self.inputs = nnx.Linear(problem.signature.inputs.shape[-1], wide, rngs=rngs)
        self.states = nnx.Linear(self.units, wide, use_bias=self.kind == "gru", rngs=rngs)
        self.output = nnx.Linear(self.units, problem.signature.outputs.shape[-1], rngs=rngs)

    def __call__(self, sequence: Any) -> Any:
        state = (jnp.zeros((len(sequence), self.units)),) * 2
        rows = jnp.moveaxis(self.inputs(sequence), 1, 0)
        kernel, bias = self.states.kernel[...], self.states.bias[...] if self.kind == "gru" else 0.0

        def over(state: tuple[Any, Any], x: Any) -> tuple[tuple[Any, Any], None]:
            return self.advance(x, state[0] @ kernel + bias, *state), None

        if self.path == "eager":
            for x in rows:
                state, _ = over(state, x)
        else:
            state, _ = jax.lax.scan(over, state, rows, unroll=len(rows) if len(rows) <= UNROLLED else 1)
        return self.output(state[0])

    def advance(self, x: Any, s: Any, h: Any, c: Any) -> tuple[Any, Any]:
        if self.kind == "rnn":
            return jnp.tanh(x + s), c
        if self.kind == "lstm":
            i, f, g, o = jnp.split(x + s, 4, 1)
            c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
            return jax.nn.sigmoid(o) * jnp.tanh(c), c
        (xr, xz, xn), (sr, sz, sn) = jnp.split(x, 3, 1), jnp.split(s, 3, 1)
        new, keep = jnp.tanh(xn + jax.nn.sigmoid(xr + sr) * sn), jax.nn.sigmoid(xz + sz)
        return new + keep * (h - new), c


class Transformer(nnx.Module):
    """Tokens to logits; dropout is on."""

    def __init__(self, problem: Problem, rngs: Any) -> None:
        sizes, tokens = problem.sizes, problem.signature.vocabulary or 0
        self.tokens = nnx.Embed(tokens, sizes.width, rngs=rngs)
        self.positions = nnx.Param(jnp.zeros((sizes.sequence, sizes.width)))
        self.blocks = nnx.List([Block(sizes, rngs) for _ in range(sizes.blocks)])
        self.output = nnx.Linear(sizes.width, problem.signature.outputs.shape[-1], rngs=rngs)

    def __call__(self, tokens: Any) -> Any:
        rows = self.tokens(tokens) + self.positions
        for block in self.blocks:
            rows = block(rows)
        return self.output(rows)


class Block(nnx.Module):
    """Attention and a feed-forward network, each added to its input and normalised."""

    def __init__(self, sizes: Any, rngs: Any) -> None:
        width, inner, self.sizes = sizes.width, sizes.heads * sizes.key_dim, sizes
        self.packed, self.projection = nnx.Linear(width, 3 * inner, rngs=rngs), nnx.Linear(inner, width, rngs=rngs)
        self.feed = Fed(sizes, rngs)
        self.norms = nnx.List([nnx.LayerNorm(width, epsilon=sizes.norm_epsilon, rngs=rngs) for _ in range(2)])
        self.drops = nnx.List([nnx.Dropout(sizes.dropout, rngs=rngs) for _ in range(2)])

    def __call__(self, rows: Any) -> Any:
        shape = (*rows.shape[:2], 3, self.sizes.heads, self.sizes.key_dim)
        query, key, value = jnp.moveaxis(self.packed(rows).reshape(shape), 2, 0)
        mixed = jax.nn.dot_product_attention(query, key, value, is_causal=True)
        attended = self.projection(mixed.reshape(*rows.shape[:2], -1))
        rows = self.norms[0](rows + self.drops[0](attended))
        return self.norms[1](rows + self.drops[1](self.feed(rows)))


class Fed(nnx.Module):
    """Two dense layers."""

    def __init__(self, sizes: Any, rngs: Any) -> None:
        self.expand = nnx.Linear(sizes.width, sizes.feed_forward, rngs=rngs)
        self.contract = nnx.Linear(sizes.feed_forward, sizes.width, rngs=rngs)

    def __call__(self, rows: Any) -> Any:
        return self.contract(nnx.relu(self.expand(rows)))
