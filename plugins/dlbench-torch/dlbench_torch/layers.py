"""Layers of several architectures."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.plugin import ArraySpec, Signature


def dense_stack(inputs: int, widths: Sequence[int], outputs: int) -> nn.ModuleDict:
    """Linear layers named as the core names them: dense0, dense1, ..., output."""
    sides = [inputs, *widths, outputs]
    names = [*(f"dense{layer}" for layer in range(len(widths))), "output"]
    return nn.ModuleDict({name: nn.Linear(*side) for name, side in zip(names, pairwise(sides), strict=True)})


def shape_of(array: ArraySpec) -> tuple[int, ...]:
    """Shape of one sample."""
    return array.shape[1:]


class Embedding(nn.Module):
    """Tokens (batch, time) looked up, or features (batch, time, features) through a linear layer, to (..., width).

    With `positions`, a learned row for each time step is added.
    """

    def __init__(self, signature: Signature, width: int, *, positions: bool) -> None:
        super().__init__()
        self._looks_up = signature.vocabulary is not None
        if signature.vocabulary is not None:
            self.tokens = nn.Parameter(torch.empty(signature.vocabulary, width))
        else:
            self.weight = nn.Parameter(torch.empty(width, signature.inputs.shape[-1]))
            self.bias = nn.Parameter(torch.empty(width))
        self.positions = nn.Parameter(torch.empty(signature.inputs.shape[1], width)) if positions else None

    def forward(self, inputs: Tensor) -> Tensor:
        """(batch, time, width)."""
        rows = F.embedding(inputs, self.tokens) if self._looks_up else F.linear(inputs, self.weight, self.bias)
        return rows if self.positions is None else rows + self.positions
