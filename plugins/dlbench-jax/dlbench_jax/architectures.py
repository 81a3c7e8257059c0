"""The core's architectures in JAX operations: parameters by canonical name, inputs and dropout to outputs.

Products take their operands in the type of the kernel and give float32. Nothing here is compiled by itself: run op by
op, every call of JAX is one dispatch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import msgspec
import numpy as np
from jax import lax

from dlbench.architectures.cnn import POOL
from dlbench.architectures.gan import SLOPE
from dlbench.architectures.sequences import pools_over_time
from dlbench.architectures.transformer import Transformer
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_adversarial, require_task
from dlbench_jax.network import Arrays

Dropout = Callable[[Any, float], Any]
Function = Callable[[Arrays, Any, Dropout], Any]
GENERATOR, DISCRIMINATOR = "generator/", "discriminator/"
MASKED = np.float32(-1e9)
"""Added to a score that a causal model must not see; exp of it is exactly 0 in float32."""
UNROLLED = 10
"""Time steps that XLA gets unrolled; a longer sequence is a loop (`lax.scan`), which compiles as fast as one step."""
LEVELS = 2**16
FLOAT = np.float32(0)


def dropout(key: Any) -> Dropout:
    """The dropouts of one step, new for every key; sixteen random bits a value, so the rate is rounded to 2^-16."""
    draws = iter(range(2**31))

    def drop(values: Any, rate: float) -> Any:
        if rate == 0.0:
            return values
        threshold = round(rate * LEVELS)
        words = jax.random.bits(jax.random.fold_in(key, next(draws)), (-(-values.size // 2),), np.uint32)
        bits = lax.bitcast_convert_type(words, np.uint16).reshape(-1)[: values.size].reshape(values.shape)
        return values * jnp.where(bits >= threshold, np.float32(LEVELS / (LEVELS - threshold)), np.float32(0.0))

    return drop


def mlp(request: BuildRequest) -> Function:
    """The forward pass for inputs of any shape. Raises Unsupported for tokens."""
    require_task(request, None, "numbers")
    features = math.prod(request.signature.inputs.shape[1:])

    def forward(p: Arrays, inputs: Any, _: Dropout) -> Any:
        rows = inputs.reshape(-1, features)
        for layer in range(len(request.configuration.widths)):
            rows = jax.nn.relu(dense(p, f"dense{layer}", rows))
        return dense(p, "output", rows)

    return forward


def cnn(request: BuildRequest) -> Function:
    """The forward pass for images, channels last. Raises Unsupported for anything else."""
    require_task(request, 4, "images (batch, height, width, channels)")

    def forward(p: Arrays, images: Any, _: Dropout) -> Any:
        for layer in range(len(request.configuration.channels)):
            kernel, layout = p[f"conv{layer}/kernel"], ("NHWC", "HWIO", "NHWC")
            maps = lax.conv_general_dilated(of_type(images, kernel), kernel, (1, 1), "VALID", dimension_numbers=layout)
            images = _pooled(jax.nn.relu(of_type(maps) + p[f"conv{layer}/bias"]))
        flat = images.reshape(len(images), -1)
        return dense(p, "output", jax.nn.relu(dense(p, "dense", flat)))

    return forward


def _pooled(maps: Any) -> Any:
    """The largest of each square (batch, height, width, channels).

    On a CPU the gradient of `lax.reduce_window` takes eleven times as long. Equal values of a square share the gradient
    here; behind a ReLU these are zeros, whose gradients are zero, or come from equal patches.
    """
    height, width = (POOL * (side // POOL) for side in maps.shape[1:3])
    top, bottom = maps[:, 0:height:POOL], maps[:, 1:height:POOL]
    left, right = (slice(start, width, POOL) for start in range(POOL))
    corners = top[:, :, left], top[:, :, right], bottom[:, :, left], bottom[:, :, right]
    return jnp.maximum(jnp.maximum(*corners[:2]), jnp.maximum(*corners[2:]))


def recurrent(request: BuildRequest) -> Function:
    """The forward pass of rnn, lstm and gru, one time step after the other. Raises Unsupported for no sequences."""
    require_task(request, 3, "sequences (batch, time, features) or tokens (batch, time)", tokens=True)
    model, (batch, steps, *_) = request.configuration, request.signature.inputs.shape
    looped = request.spec.path == "jit" and steps > UNROLLED

    def forward(p: Arrays, sequence: Any, _: Dropout) -> Any:
        by_time = enter(p, jnp.moveaxis(sequence, 1, 0))
        rows = dense(p, "cell", by_time).reshape(steps, batch, -1)
        advance = partial(CELLS[model.cell], p)
        states = (jnp.zeros((batch, model.units), np.float32),) * 2
        if looped:
            states = lax.scan(lambda states, row: (advance(row, *states), None), states, rows)[0]
        for row in () if looped else rows:
            states = advance(row, *states)
        return dense(p, "output", states[0])

    return forward


def _rnn(p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return jnp.tanh(row + multiply(h, p["cell/recurrent"])), c


def _lstm(p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i, f, candidate, o = jnp.split(row + multiply(h, p["cell/recurrent"]), 4, axis=1)
    c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(candidate)
    return jax.nn.sigmoid(o) * jnp.tanh(c), c


def _gru(p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    x_z, x_r, x_n = jnp.split(row, 3, axis=1)
    h_z, h_r, h_n = jnp.split(multiply(h, p["cell/recurrent"]) + p["cell/recurrent_bias"], 3, axis=1)
    keep = jax.nn.sigmoid(x_z + h_z)
    return keep * h + (1 - keep) * jnp.tanh(x_n + jax.nn.sigmoid(x_r + h_r) * h_n), c


CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""Parameters, the part that comes from the input, h and c, to the next h and c."""


def transformer(request: BuildRequest) -> Function:
    """The forward pass for sequences of the request's shape. Raises Unsupported for anything else."""
    what = "sequences (batch, time, features) or tokens (batch, time)"
    require_task(request, 3, what, tokens=True, steps=True)
    signature = request.signature
    model: Transformer = msgspec.structs.replace(request.configuration, sequence=signature.inputs.shape[1])
    mask = np.where(np.tri(model.sequence, dtype=bool), np.float32(0.0), MASKED) if signature.causal else None

    def forward(p: Arrays, inputs: Any, drop: Dropout) -> Any:
        entered = enter(p, inputs).reshape(-1, model.sequence, model.width)
        rows = (entered + p["embedding/positions"]).reshape(-1, model.width)
        for number in range(model.blocks):
            at = f"block{number}/"
            rows = _norm(p, f"{at}norm1", rows + drop(_attend(model, p, at, rows, mask), model.dropout), model)
            fed = dense(p, f"{at}contract", jax.nn.relu(dense(p, f"{at}expand", rows)))
            rows = _norm(p, f"{at}norm2", rows + drop(fed, model.dropout), model)
        if pools_over_time(signature):
            rows = rows.reshape(-1, model.sequence, model.width).mean(1)
        return dense(p, "output", rows).reshape(signature.outputs.shape)

    return forward


def _attend(model: Transformer, p: Arrays, at: str, rows: Any, mask: Any) -> Any:
    def heads(name: str, scale: float = 1.0) -> Any:
        projected = of_type(dense(p, at + name, rows) * scale, p[f"{at}{name}/kernel"])
        return projected.reshape(-1, model.sequence, model.heads, model.key_dim).transpose(0, 2, 1, 3)

    scores = of_type(heads("query", model.key_dim**-0.5) @ heads("key").transpose(0, 1, 3, 2))
    values = heads("value")
    weights = jax.nn.softmax(scores if mask is None else scores + mask)
    mixed = (of_type(weights, values) @ values).transpose(0, 2, 1, 3)
    return dense(p, f"{at}projection", mixed.reshape(-1, model.heads * model.key_dim))


def _norm(p: Arrays, name: str, rows: Any, model: Transformer) -> Any:
    """Layer normalisation (Ba et al., 2016) of rows (n, width)."""
    centred = rows - rows.mean(-1, keepdims=True)
    inverse = lax.rsqrt((centred * centred).mean(-1, keepdims=True) + model.norm_epsilon)
    return centred * inverse * p[f"{name}/scale"] + p[f"{name}/offset"]


def gan(request: BuildRequest) -> Function:
    """Noise to images; `dlbench_jax.objective` trains with `run`. Raises Unsupported for a task of another kind."""
    require_adversarial(request)
    shape = request.signature.outputs.shape
    return lambda p, noise, _: jnp.tanh(run(p, GENERATOR, noise)).reshape(shape)


def run(p: Arrays, network: str, rows: Any) -> Any:
    """One of the two networks of a gan: rows (n, inputs) to what its last layer gives."""
    layer = 0
    while f"{network}dense{layer}/kernel" in p:
        rows = jax.nn.leaky_relu(dense(p, f"{network}dense{layer}", rows), SLOPE)
        layer += 1
    return dense(p, f"{network}output", rows)


def dense(p: Arrays, name: str, rows: Any) -> Any:
    """Rows (n, inputs) to (n, outputs)."""
    return multiply(rows, p[f"{name}/kernel"]) + p[f"{name}/bias"]


def multiply(rows: Any, kernel: Any) -> Any:
    """Their matrix product in the type of the kernel, as float32."""
    return of_type(of_type(rows, kernel) @ kernel)


def of_type(values: Any, like: Any = FLOAT) -> Any:
    """The values in the type of another array; a cast that changes nothing would cost microseconds op by op."""
    return values if values.dtype == like.dtype else values.astype(like.dtype)


def enter(p: Arrays, inputs: Any) -> Any:
    """Tokens of any shape or features (..., features) as rows (n, width), by `dlbench.architectures.sequences`."""
    if "embedding/tokens" in p:
        return p["embedding/tokens"][inputs.reshape(-1)]
    rows = inputs.reshape(-1, inputs.shape[-1])
    return dense(p, "embedding", rows) if "embedding/kernel" in p else rows
