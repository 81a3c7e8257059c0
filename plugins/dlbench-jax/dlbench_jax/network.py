"""A model as the rest of this package sees it: its arrays by name, and a pure function of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

Arrays = dict[str, jax.Array]
Forward = Callable[[Arrays, Arrays, Any, Any], tuple[Any, Arrays]]
"""Parameters, state, inputs and a random key to outputs and the next state; without a key it predicts."""


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
