"""What several architectures are made of."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from torch import nn

from dlbench.errors import Unsupported
from dlbench.plugin import ArraySpec, BuildRequest


def dense_stack(inputs: int, widths: Sequence[int], outputs: int) -> nn.ModuleDict:
    """Linear layers named as the core names them: dense0, dense1, ..., output."""
    sides = [inputs, *widths, outputs]
    names = [*(f"dense{layer}" for layer in range(len(widths))), "output"]
    return nn.ModuleDict({name: nn.Linear(*side) for name, side in zip(names, pairwise(sides), strict=True)})


def shape_of(array: ArraySpec) -> tuple[int, ...]:
    """Of one sample."""
    return array.shape[1:]


def require_inputs(request: BuildRequest, dimensions: int | None, what: str) -> None:
    """Raise Unsupported unless the task's inputs are numbers in this many dimensions, the batch among them."""
    found, spec = request.signature.inputs, request.spec
    if request.signature.vocabulary is not None or (dimensions is not None and len(found.shape) != dimensions):
        raise Unsupported(f"{spec.plugin} takes {what} and task {spec.task} has {found.dtype} {found.shape}")
