"""A call of a module on a few samples, which shows its outputs, or the layer that does not fit."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    UnsupportedFakeTensorException,
)

from dlbench.errors import SpecError
from dlbench.plugin import InputSpec
from dlbench_torch import lazy, misfits
from dlbench_torch.network import Network
from dlbench_torch.requirements import shapes_alone

FEW = 2
"""Samples of the call: more than one, for batch norm."""
INTEGERS = {"int32": torch.int32, "int64": torch.int64, "uint8": torch.uint8}
_READS_VALUES = (DataDependentOutputException, DynamicOutputShapeException, UnsupportedFakeTensorException)


def drawn(spec: InputSpec, batch_size: int) -> Tensor:
    """Random values for an input; integers without a range are zeros."""
    shape = (batch_size, *spec.shape[1:])
    if spec.dtype == "float32":
        return torch.randn(shape)
    if spec.dtype == "bool":
        return torch.rand(shape) < 0.5
    return torch.randint(0, spec.below or 1, shape, dtype=INTEGERS[spec.dtype])


def call(
    network: Network, inputs: tuple[InputSpec, ...], name: str, stack: ExitStack
) -> tuple[tuple[Tensor, ...], Any]:
    """Inputs of a few samples, or of the whole batch if the module takes no other, and its outputs for them.

    Of the whole batch there are shapes alone, which take no memory, for as long as the stack is open. Raises SpecError
    for inputs that do not fit, and MemoryError.
    """
    whole = inputs[0].shape[0]
    found = _tried(network, inputs, min(FEW, whole), name)
    if found.complaint and whole > FEW and _is_of_shapes(network, inputs):
        stack.enter_context(shapes_alone())
        found = _tried(network, inputs, whole, name)
    if found.complaint:
        raise SpecError(f"{name}: {found.complaint}")
    return found.inputs, found.outputs


class _Tried(NamedTuple):
    """A call: its inputs, and its outputs or the complaint."""

    inputs: tuple[Tensor, ...]
    outputs: Any = None
    complaint: str = ""


def _tried(network: Network, inputs: tuple[InputSpec, ...], batch_size: int, name: str) -> _Tried:
    given = tuple(drawn(one, batch_size) for one in inputs)
    try:
        lazy.materialise(network, given)
        with torch.no_grad():
            return _Tried(given, network(*given))
    except Exception as error:
        misfits.require_memory(error, name)
        return _Tried(given, complaint=misfits.complaint(network, given) or str(error))


def _is_of_shapes(network: Network, inputs: tuple[InputSpec, ...]) -> bool:
    """True if a few samples do not fit by their shape, rather than their type or values."""
    with shapes_alone(), torch.no_grad():
        try:
            network(*(drawn(one, FEW) for one in inputs))
        except _READS_VALUES:
            return False
        except Exception:
            return True
    return False
