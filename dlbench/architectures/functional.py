"""The built-in architectures as functions of arrays, for any framework whose arrays work as NumPy's do.

Arrays need NumPy's operators, indexing and methods (`reshape`, `transpose`, `mean`, `astype`); all else is asked of
`Operations`. Parameters go by canonical name. Products take their operands in the type of the kernel and give float32,
so that a framework has mixed precision if it rounds the kernels. Nothing here is compiled or differentiated: run op by
op, every call is one of the framework's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from dlbench.architectures.cnn import POOL
from dlbench.architectures.gan import SLOPE
from dlbench.architectures.sequences import pools_over_time
from dlbench.architectures.transformer import Transformer
from dlbench.errors import Unsupported
from dlbench.plugin import BuildRequest

Arrays = Mapping[str, Any]
"""Parameters by canonical name."""
Dropout = Callable[[Any, float], Any]
"""Values and the rate at which they are dropped, to those that stay and are scaled."""
Function = Callable[[Arrays, Any, Dropout], Any]
"""Parameters, inputs and a dropout to the outputs in the shape of the request's signature."""
GENERATOR, DISCRIMINATOR = "generator/", "discriminator/"
"""Beginnings of the canonical names of a gan's two networks."""
_LEVELS = 2**16
_FLOAT = np.float32(0)


def one_by_one(step: Callable[[Any, Any], Any], states: Any, rows: Iterable[Any]) -> Any:
    """The states after all rows, where `step` takes the states and a row to the next states."""
    for row in rows:
        states = step(states, row)
    return states


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Functions of a framework: its `numpy` has `maximum`, `moveaxis`, `split`, `tanh`, `where` and `zeros`.

    `softmax` is of the last axis, `leaky_relu` takes the slope. `convolve` takes images (batch, height, width,
    channels) and a kernel (height, width, channels in, channels out), without padding. `loop` is a way of `one_by_one`.
    `scope` gives the operations made within it the name of a layer, for profiles.
    """

    numpy: Any
    relu: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    softmax: Callable[[Any], Any]
    leaky_relu: Callable[[Any, float], Any]
    rsqrt: Callable[[Any], Any]
    convolve: Callable[[Any, Any], Any]
    loop: Callable[[Callable[[Any, Any], Any], Any, Any], Any] = one_by_one
    scope: Callable[[str], AbstractContextManager[object]] = nullcontext


def function_of(request: BuildRequest, of: Operations) -> Function:
    """The forward pass of a request for an architecture of the core, and a task that fits it.

    Raises Unsupported for an architecture of another package.
    """
    spec = request.spec
    if spec.architecture not in _MAKERS:
        raise Unsupported(f"{spec.plugin}: there is no function of {spec.architecture}, only of {', '.join(_MAKERS)}")
    return _MAKERS[spec.architecture](request, of)


def dropped(bits: Callable[[int, int], Any], of: Operations) -> Dropout:
    """The dropouts of one step: `bits` gives so many uniform uint16 of a draw, which counts from 0.

    With sixteen random bits a value the rate is rounded to a multiple of 2^-16.
    """
    draws = iter(range(2**31))

    def drop(values: Any, rate: float) -> Any:
        if rate == 0.0:
            return values
        threshold = round(rate * _LEVELS)
        drawn = bits(next(draws), values.size).reshape(values.shape)
        kept = np.float32(_LEVELS / (_LEVELS - threshold))
        return values * of.numpy.where(drawn >= threshold, kept, np.float32(0.0))

    return drop


def stacked(p: Arrays, network: str, rows: Any, of: Operations) -> Any:
    """One of the two networks of a gan: rows (n, inputs) to what its last layer gives."""
    layer = 0
    while f"{network}dense{layer}/kernel" in p:
        rows = of.leaky_relu(_dense(p, f"{network}dense{layer}", rows, of), SLOPE)
        layer += 1
    return _dense(p, f"{network}output", rows, of)


def _mlp(request: BuildRequest, of: Operations) -> Function:
    features = math.prod(request.signature.inputs.shape[1:])

    def forward(p: Arrays, inputs: Any, _: Dropout) -> Any:
        rows = inputs.reshape(-1, features)
        for layer in range(len(request.configuration.widths)):
            rows = of.relu(_dense(p, f"dense{layer}", rows, of))
        return _dense(p, "output", rows, of)

    return forward


def _cnn(request: BuildRequest, of: Operations) -> Function:
    def forward(p: Arrays, images: Any, _: Dropout) -> Any:
        for layer in range(len(request.configuration.channels)):
            kernel = p[f"conv{layer}/kernel"]
            with of.scope(f"conv{layer}"):
                maps = _of_type(of.convolve(_of_type(images, kernel), kernel)) + p[f"conv{layer}/bias"]
            images = _pooled(of.relu(maps), of.numpy.maximum)
        flat = images.reshape(len(images), -1)
        return _dense(p, "output", of.relu(_dense(p, "dense", flat, of)), of)

    return forward


def _pooled(maps: Any, maximum: Callable[[Any, Any], Any]) -> Any:
    """The largest of each square (batch, height, width, channels).

    By slices: on a CPU the gradient of a window's reduction takes eleven times as long in XLA. Equal values of a square
    share the gradient here; behind a ReLU these are zeros, whose gradients are zero, or come from equal patches.
    """
    height, width = (POOL * (side // POOL) for side in maps.shape[1:3])
    top, bottom = maps[:, 0:height:POOL], maps[:, 1:height:POOL]
    left, right = (slice(start, width, POOL) for start in range(POOL))
    corners = top[:, :, left], top[:, :, right], bottom[:, :, left], bottom[:, :, right]
    return maximum(maximum(*corners[:2]), maximum(*corners[2:]))


def _recurrent(request: BuildRequest, of: Operations) -> Function:
    """The forward pass of rnn, lstm and gru, one time step after the other."""
    model, (batch, steps, *_) = request.configuration, request.signature.inputs.shape

    def forward(p: Arrays, sequence: Any, _: Dropout) -> Any:
        by_time = _enter(p, of.numpy.moveaxis(sequence, 1, 0), of)
        rows = _dense(p, "cell", by_time, of).reshape(steps, batch, -1)

        def advance(row: Any, h: Any, c: Any) -> tuple[Any, Any]:
            with of.scope("cell"):
                return _CELLS[model.cell](of, p, row, h, c)

        zeros = of.numpy.zeros((batch, model.units), np.float32)
        states = of.loop(lambda states, row: advance(row, *states), (zeros, zeros), rows)
        return _dense(p, "output", states[0], of)

    return forward


def _rnn(of: Operations, p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    return of.numpy.tanh(row + _multiply(h, p["cell/recurrent"])), c


def _lstm(of: Operations, p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    i, f, candidate, o = of.numpy.split(row + _multiply(h, p["cell/recurrent"]), 4, axis=1)
    c = of.sigmoid(f) * c + of.sigmoid(i) * of.numpy.tanh(candidate)
    return of.sigmoid(o) * of.numpy.tanh(c), c


def _gru(of: Operations, p: Arrays, row: Any, h: Any, c: Any) -> tuple[Any, Any]:
    x_z, x_r, x_n = of.numpy.split(row, 3, axis=1)
    h_z, h_r, h_n = of.numpy.split(_multiply(h, p["cell/recurrent"]) + p["cell/recurrent_bias"], 3, axis=1)
    keep = of.sigmoid(x_z + h_z)
    return keep * h + (1 - keep) * of.numpy.tanh(x_n + of.sigmoid(x_r + h_r) * h_n), c


_CELLS = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
"""Parameters, the part that comes from the input, h and c, to the next h and c."""


def _transformer(request: BuildRequest, of: Operations) -> Function:
    signature = request.signature
    model: Transformer = msgspec.structs.replace(request.configuration, sequence=signature.inputs.shape[1])
    before = np.tri(model.sequence, dtype=bool)
    mask = np.where(before, np.float32(0.0), np.float32(-1e9)) if signature.causal else None  # exp of it is exactly 0

    def forward(p: Arrays, inputs: Any, drop: Dropout) -> Any:
        entered = _enter(p, inputs, of).reshape(-1, model.sequence, model.width)
        rows = (entered + p["embedding/positions"]).reshape(-1, model.width)
        for number in range(model.blocks):
            at = f"block{number}/"
            attended = _attend(model, p, at, rows, of, mask)
            rows = _norm(p, f"{at}norm1", rows + drop(attended, model.dropout), model.norm_epsilon, of)
            fed = _dense(p, f"{at}contract", of.relu(_dense(p, f"{at}expand", rows, of)), of)
            rows = _norm(p, f"{at}norm2", rows + drop(fed, model.dropout), model.norm_epsilon, of)
        if pools_over_time(signature):
            rows = rows.reshape(-1, model.sequence, model.width).mean(1)
        return _dense(p, "output", rows, of).reshape(signature.outputs.shape)

    return forward


def _attend(model: Transformer, p: Arrays, at: str, rows: Any, of: Operations, mask: Any) -> Any:
    def heads(name: str, scale: float = 1.0) -> Any:
        projected = _of_type(_dense(p, at + name, rows, of) * scale, p[f"{at}{name}/kernel"])
        return projected.reshape(-1, model.sequence, model.heads, model.key_dim).transpose(0, 2, 1, 3)

    scores = _of_type(heads("query", model.key_dim**-0.5) @ heads("key").transpose(0, 1, 3, 2))
    values = heads("value")
    weights = of.softmax(scores if mask is None else scores + mask)
    mixed = (_of_type(weights, values) @ values).transpose(0, 2, 1, 3)
    return _dense(p, f"{at}projection", mixed.reshape(-1, model.heads * model.key_dim), of)


def _norm(p: Arrays, name: str, rows: Any, epsilon: float, of: Operations) -> Any:
    """Layer normalisation (Ba et al., 2016) of rows (n, width)."""
    with of.scope(name):
        centred = rows - rows.mean(-1, keepdims=True)
        inverse = of.rsqrt((centred * centred).mean(-1, keepdims=True) + epsilon)
        return centred * inverse * p[f"{name}/scale"] + p[f"{name}/offset"]


def _gan(request: BuildRequest, of: Operations) -> Function:
    """Noise to images."""
    shape = request.signature.outputs.shape
    return lambda p, noise, _: of.numpy.tanh(stacked(p, GENERATOR, noise, of)).reshape(shape)


_MAKERS: Mapping[str, Callable[[BuildRequest, Operations], Function]] = {
    "mlp": _mlp,
    "cnn": _cnn,
    "rnn": _recurrent,
    "lstm": _recurrent,
    "gru": _recurrent,
    "transformer": _transformer,
    "gan": _gan,
}


def _dense(p: Arrays, name: str, rows: Any, of: Operations) -> Any:
    """Rows (n, inputs) to (n, outputs)."""
    with of.scope(name):
        return _multiply(rows, p[f"{name}/kernel"]) + p[f"{name}/bias"]


def _multiply(rows: Any, kernel: Any) -> Any:
    """Their matrix product in the type of the kernel, as float32."""
    return _of_type(_of_type(rows, kernel) @ kernel)


def _of_type(values: Any, like: Any = _FLOAT) -> Any:
    """The values in the type of another array; a cast that changes nothing would cost microseconds op by op."""
    return values if values.dtype == like.dtype else values.astype(like.dtype)


def _enter(p: Arrays, inputs: Any, of: Operations) -> Any:
    """Tokens of any shape or features (..., features) as rows (n, width), by `dlbench.architectures.sequences`."""
    if "embedding/tokens" in p:
        with of.scope("embedding"):
            return p["embedding/tokens"][inputs.reshape(-1)]
    rows = inputs.reshape(-1, inputs.shape[-1])
    return _dense(p, "embedding", rows, of) if "embedding/kernel" in p else rows
