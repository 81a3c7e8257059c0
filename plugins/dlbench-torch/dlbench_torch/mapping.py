"""Canonical parameters and their places in a module: names, and PyTorch's layout."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from dlbench.plugin_kit import require_same_shapes

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters


class Slot(NamedTuple):
    """A module's parameter, and the way between its layout and the canonical one; each is the other's inverse."""

    name: str
    to_torch: Callable[[Array], Array]
    to_canonical: Callable[[Array], Array]


FindSlot = Callable[[str, int], Slot]
"""Canonical name and number of dimensions to the slot."""


def find_slot(canonical: str, dimensions: int) -> Slot:
    """Linear layers hold kernels transposed, convolutions as (outputs, inputs, height, width)."""
    prefix, _, leaf = canonical.rpartition("/")
    name = f"{prefix}/{_LEAVES.get(leaf, leaf)}".replace("/", ".")
    if leaf == "kernel" and dimensions == 4:
        return Slot(name, lambda array: array.transpose(3, 2, 0, 1), lambda array: array.transpose(2, 3, 1, 0))
    if leaf == "kernel":
        return Slot(name, np.transpose, np.transpose)
    return Slot(name, np.asarray, np.asarray)


def recurrent_slot(gates: tuple[int, ...], canonical: str, dimensions: int) -> Slot:
    """A recurrent layer holds gates by row; `gates` says at which place of its own each canonical gate stands."""
    if not canonical.startswith("cell/"):
        return find_slot(canonical, dimensions)
    back = tuple(int(place) for place in np.argsort(gates))
    name = f"cell.{_CELL[canonical.removeprefix('cell/')]}"
    return Slot(name, lambda array: _reorder(array.T, gates), lambda array: _reorder(array, back).T)


gru_slot = partial(recurrent_slot, (1, 0, 2))
"""The core's z r n against PyTorch's r z n."""
lstm_slot = partial(recurrent_slot, (0, 1, 2, 3))
rnn_slot = partial(recurrent_slot, (0,))

_LEAVES = {"kernel": "weight", "scale": "weight", "offset": "bias"}
_CELL = {"kernel": "weight_ih_l0", "recurrent": "weight_hh_l0", "bias": "bias_ih_l0", "recurrent_bias": "bias_hh_l0"}


def own_slot(name: str, _: int) -> Slot:
    """Slot in a module that the core does not describe: its own names and layouts are the canonical ones."""
    return Slot(name, np.asarray, np.asarray)


class Weights:
    """A module's trained parameters under their canonical names, and its state under its own.

    Without `parameters` the module's own are the initial ones. The state is everything else that a module keeps:
    floating buffers that it saves, such as the running statistics of batch norm, and parameters that it does not train.
    A module that the core describes has none.
    """

    def __init__(self, module: nn.Module, parameters: Parameters | None, find: FindSlot) -> None:
        live = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        self.trained: dict[str, nn.Parameter] = live
        self._state: dict[str, Tensor] = _state(module) if parameters is None else {}
        stated: Mapping[str, Any] = live if parameters is None else parameters
        find = own_slot if parameters is None else find
        self._slots = {name: find(name, value.ndim) for name, value in stated.items()}
        self._shapes = {name: tuple(value.shape) for name, value in stated.items()}
        assert live.keys() == {slot.name for slot in self._slots.values()}, "the module has what the core states"
        if parameters is not None:
            self.assign(parameters)

    def export(self) -> dict[str, Array]:
        """Copies in canonical layout, state included."""
        return self.arrays(self.trained) | {name: _array(tensor) for name, tensor in self._state.items()}

    def arrays(self, values: Mapping[str, Tensor]) -> dict[str, Array]:
        """Values by the module's names, as copies by canonical name and layout."""
        return {
            name: np.array(slot.to_canonical(_array(values[slot.name])), order="C")
            for name, slot in self._slots.items()
        }

    def assign(self, parameters: Parameters) -> None:
        """Overwrite every parameter, and the state that is given.

        Raises ValueError, before any change, for a name or a shape that is not ours, and for a parameter that is left
        out.
        """
        state = {name: tuple(self._state[name].shape) for name in parameters if name in self._state}
        require_same_shapes(parameters, {**self._shapes, **state})
        with torch.no_grad():
            for name, slot in self._slots.items():
                self.trained[slot.name].copy_(_tensor(slot.to_torch(np.asarray(parameters[name], np.float32))))
            for name in state:
                self._state[name].copy_(_tensor(parameters[name]))


def _state(module: nn.Module) -> dict[str, Tensor]:
    """State by the module's names; a tensor that has several has the first."""
    tensors = [*module.named_parameters(), *module.named_buffers()]
    saved = module.state_dict(keep_vars=True).keys()
    return {name: one for name, one in tensors if name in saved and one.is_floating_point() and not one.requires_grad}


def _array(tensor: Tensor) -> Array:
    """A copy in float64 for float64, else in float32, because NumPy lacks PyTorch's smaller types."""
    kind = torch.promote_types(tensor.dtype, torch.float32)
    return tensor.detach().to(kind).numpy(force=True).copy()


def _tensor(array: Array) -> Tensor:
    return torch.from_numpy(np.array(array, np.float32, order="C"))


def _reorder(rows: Array, places: Iterable[int]) -> Array:
    """Equal parts of the first axis: part `places[i]` of the result is part i."""
    order = list(places)
    parts = np.split(rows, len(order))
    return np.concatenate([parts[order.index(place)] for place in range(len(order))])
