"""States of one model as another's: the user's `--convert file.py:function`, and checks of its result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dlbench.errors import SpecError, words
from dlbench.registry import references

State = Mapping[str, Any]
"""Float32 arrays by name: parameters, and buffers such as running means."""
_MOST = 5
"""Names that a message lists."""


def converted(function: str, state: State, own: State) -> dict[str, Any]:
    """Another model's state, converted by the user's function for the model with the state `own`.

    Raises SpecError if it leaves a name out, names one that does not exist, or gives another shape.
    """
    convert: Callable[[dict[str, Any]], Any] = references.load_reference(function)
    with references.users_errors(function):
        found = convert({name: np.array(value, np.float32) for name, value in state.items()})
    if not isinstance(found, Mapping):
        raise SpecError(f"{function} returned {words.shown(found)}; it must return a dict of arrays by name")
    if missing := [name for name in own if name not in found]:
        raise SpecError(f"{function} leaves out {_listed(missing)}; give all {len(own)} of the second model")
    if unknown := [str(name) for name in found if name not in own]:
        raise SpecError(f"{function} gives {_listed(unknown)}, which the second model lacks; it has {_listed(own)}")
    with references.users_errors(function):
        arrays = {name: np.asarray(found[name], np.float32) for name in own}
    for name, array in arrays.items():
        if array.shape != np.shape(own[name]):
            raise SpecError(f"{function} gives {name} the shape {array.shape}; it is {np.shape(own[name])}")
    return arrays


def converted_gradients(function: str, gradients: State, state: State, own: State) -> dict[str, Any]:
    """Gradients by the names of the second model; arrays without one, such as buffers, count as zeros on the way."""
    zeros = {name: np.zeros(np.shape(value), np.float32) for name, value in state.items()}
    return converted(function, {**zeros, **gradients}, own)


def _listed(names: Any) -> str:
    shown = list(names)[:_MOST]
    return ", ".join(shown) + (f" and {len(names) - _MOST} more" if len(names) > _MOST else "")
