"""Trainable parameters by canonical name, kept in few variables or in one each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from dlbench.plugin_kit import require_same_shapes

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

Tensors = dict[str, tf.Tensor]


class Weights:
    """Parameters in the core's names and layout, all of the type `kind`.

    `flat` keeps all of them end to end in one variable: one optimizer update and three resources a call instead of
    three a parameter, which made the graph's step about 5 % faster. Run op by op, cutting the variable up costs more
    than it saves. XLA fuses the sums of the biases' gradients into the joining of all gradients, and with two threads
    and more computes them again for every element of it: a step of the small gan took 103 ms instead of 1.7.
    """

    def __init__(self, parameters: Parameters, kind: tf.DType, *, flat: bool) -> None:
        self._kind = kind.as_numpy_dtype
        self._shapes = {name: tuple(value.shape) for name, value in parameters.items()}
        self._groups = [list(parameters)] if flat else [[name] for name in parameters]
        self.variables = [tf.Variable(value) for value in self._pack(parameters)]

    @property
    def names(self) -> list[str]:
        """Canonical names."""
        return list(self._shapes)

    def tensors(self, values: Sequence[tf.Tensor]) -> Tensors:
        """Value of every parameter, in its own shape, when the variables have these values."""
        found: Tensors = {}
        for group, value in zip(self._groups, values, strict=True):
            found |= self._cut(group, value) if len(group) > 1 else {group[0]: value}
        return found

    def grouped(self, tensors: Tensors) -> list[tf.Tensor]:
        """One tensor a variable, of one tensor a parameter."""
        return [
            tf.concat([tf.reshape(tensors[name], [-1]) for name in group], 0) if len(group) > 1 else tensors[group[0]]
            for group in self._groups
        ]

    def arrays(self, values: Sequence[Any]) -> dict[str, Array]:
        """The same as copies in NumPy; `values` are the variables, or a gradient of each."""
        found: dict[str, Array] = {}
        for group, value in zip(self._groups, values, strict=True):
            parts = np.split(np.array(value.numpy()).ravel(), np.cumsum(self._sizes(group))[:-1])
            found |= {name: part.reshape(self._shapes[name]) for name, part in zip(group, parts, strict=True)}
        return found

    def assign(self, parameters: Parameters) -> None:
        """Overwrite every parameter. Raises ValueError, before any change, for a name or a shape that is not ours."""
        require_same_shapes(parameters, self._shapes)
        for variable, value in zip(self.variables, self._pack(parameters), strict=True):
            variable.assign(value)

    def _cut(self, group: Sequence[str], value: tf.Tensor) -> Tensors:
        parts = zip(group, tf.split(value, self._sizes(group)), strict=True)
        return {name: tf.reshape(part, self._shapes[name]) for name, part in parts}

    def _sizes(self, group: Sequence[str]) -> list[int]:
        return [int(np.prod(self._shapes[name])) for name in group]

    def _pack(self, parameters: Mapping[str, Array]) -> list[Array]:
        """One array a variable: flat if it holds several parameters."""
        return [
            np.concatenate([np.ravel(parameters[name]) for name in group]).astype(self._kind)
            if len(group) > 1
            else np.asarray(parameters[group[0]], self._kind)
            for group in self._groups
        ]
