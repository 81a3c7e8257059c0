"""A model as the rest of this package sees it: arrays by name and a pure function of them; the core's among them.

JAX's operations stand here, and `dlbench.architectures.functional` says what is made of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from dlbench.architectures.functional import Operations, dropped, function_of, one_by_one
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import one_or_all, require_known

Arrays = dict[str, jax.Array]
Forward = Callable[[Arrays, Arrays, Any, Any], tuple[Any, Arrays]]
"""Parameters, state, inputs and a random key to outputs and the next state; without a key it predicts."""
UNROLLED = 10
"""Time steps that XLA gets unrolled; a longer sequence is a loop (`lax.scan`), which compiles as fast as one step."""


class Network(NamedTuple):
    """Arrays of a model and its forward pass; `state` is whatever else a training step changes."""

    parameters: Mapping[str, Any]
    state: Mapping[str, Any]
    forward: Forward
    packages: Sequence[str] = ()


def rounded(parameters: Mapping[str, Any], precision: str) -> Arrays:
    """The parameters as products take them: in bf16 the kernels are; all else, and every sum, is float32.

    A gradient goes through the rounding to the float32 value.
    """
    kernels = ("/kernel", "/recurrent") if precision == "bf16" else ()
    return {name: one.astype(jnp.bfloat16) if name.endswith(kernels) else one for name, one in parameters.items()}


def shapes(inputs: Sequence[Any]) -> Any:
    """Shapes to trace with, in the form that a step gets: one array, or a tuple of several."""
    return one_or_all([jax.ShapeDtypeStruct(one.shape, one.dtype) for one in inputs])


def _convolve(images: Any, kernel: Any) -> Any:
    layout = ("NHWC", "HWIO", "NHWC")
    return lax.conv_general_dilated(images, kernel, (1, 1), "VALID", dimension_numbers=layout)


def _loop(step: Callable[[Any, Any], Any], states: Any, rows: Any) -> Any:
    if len(rows) <= UNROLLED:
        return one_by_one(step, states, rows)
    return lax.scan(lambda states, row: (step(states, row), None), states, rows)[0]


OPERATIONS = Operations(
    numpy=jnp,
    relu=jax.nn.relu,
    sigmoid=jax.nn.sigmoid,
    softmax=jax.nn.softmax,
    leaky_relu=jax.nn.leaky_relu,
    rsqrt=lax.rsqrt,
    convolve=_convolve,
)


def operations(path: str) -> Operations:
    """JAX's functions; in a program of XLA time is a loop, and operations have the names of their layers."""
    return replace(OPERATIONS, loop=_loop, scope=jax.named_scope) if path == "jit" else OPERATIONS


def known(request: BuildRequest) -> Network:
    """The network of an architecture; run op by op, a step of time is always one call after the other.

    Raises Unsupported for an architecture that the core does not describe, and for a task that does not fit it.
    """
    precision, parameters = request.spec.precision, require_known(request)
    function = function_of(request, operations(request.spec.path))

    def forward(parameters: Arrays, state: Arrays, inputs: Any, key: Any) -> tuple[Any, Arrays]:
        drops = key is not None and request.dropout
        drop = dropout(key) if drops else lambda values, _: values
        return function(rounded(parameters, precision), inputs, drop), state

    return Network(parameters, {}, forward)


def dropout(key: Any) -> Callable[[Any, float], Any]:
    """The dropouts of one step, new for every key."""
    return dropped(partial(_bits, key), OPERATIONS)


def _bits(key: Any, draw: int, size: int) -> Any:
    words = jax.random.bits(jax.random.fold_in(key, draw), (-(-size // 2),), np.uint32)
    return lax.bitcast_convert_type(words, np.uint16).reshape(-1)[:size]
