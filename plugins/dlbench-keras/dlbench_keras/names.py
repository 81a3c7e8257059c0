"""Variables of a model by canonical name and in canonical layout; those of a user's model by their paths."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import numpy as np

from dlbench.plugin import Array, Parameters
from dlbench.plugin_kit import require_same_shapes, unique_names

_RENAMED = (
    (r"/(simple_rnn|lstm|gru)_cell", ""),
    ("-", "/"),
    ("/attention_output/", "/projection/"),
    ("/recurrent_kernel$", "/recurrent"),
    ("/gamma$", "/scale"),
    ("/beta$", "/offset"),
    ("/embeddings$", ""),
)
"""Patterns in the paths of Keras's variables, and their canonical form."""


class _Slot(NamedTuple):
    """A variable, and the parameters that it holds: one in another shape, or the rows of a GRU's two biases."""

    variable: Any
    parts: dict[str, tuple[int, ...]]


class Names:
    """The variables of a model; canonical if the request has parameters, and otherwise with state in floats."""

    def __init__(self, variables: Sequence[Any], state: Sequence[Any], canonical: Parameters | None) -> None:
        shapes = None if canonical is None else {name: value.shape for name, value in canonical.items()}
        floats = [one for one in state if "float" in keras.backend.standardize_dtype(one.dtype)]
        held = list(variables if shapes else [*variables, *floats])
        self._slots = [_slot(*one, shapes) for one in zip(unique_names(held), held, strict=True)]
        trained, rest = self._slots[: len(variables)], self._slots[len(variables) :]
        self._own, self._state = ({k: v for slot in slots for k, v in slot.parts.items()} for slots in (trained, rest))

    def export(self) -> dict[str, Array]:
        """Copies of all values, float32."""
        return self.named([slot.variable for slot in self._slots])

    def named(self, values: Sequence[Any]) -> dict[str, Array]:
        """Copies of values, one a variable, in the order of the variables."""
        found: dict[str, Array] = {}
        for slot, value in zip(self._slots, values, strict=False):
            parts = np.array_split(np.array(keras.ops.convert_to_numpy(value), np.float32), len(slot.parts))
            found |= {name: part.reshape(shape) for (name, shape), part in zip(slot.parts.items(), parts, strict=True)}
        return found

    def assign(self, given: Parameters) -> None:
        """Overwrite all parameters, and the state that is given. Raises ValueError for a name or shape not there."""
        require_same_shapes(given, self._own, self._state)
        for slot in self._slots:
            if held := [np.asarray(given[name]).ravel() for name in slot.parts if name in given]:
                slot.variable.assign(np.concatenate(held).reshape(slot.variable.shape))


def _slot(path: str, variable: Any, shapes: dict[str, tuple[int, ...]] | None) -> _Slot:
    if shapes is None:
        return _Slot(variable, {path: tuple(variable.shape)})
    for pattern, name in _RENAMED:
        path = re.sub(pattern, name, path)
    names = [path, "cell/recurrent_bias"] if path == "cell/bias" and "cell/recurrent_bias" in shapes else [path]
    return _Slot(variable, {name: shapes[name] for name in names})
