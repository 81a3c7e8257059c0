"""Layers whose sizes follow from their first inputs, such as `nn.LazyLinear`: they get their parameters by a call."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import nn

from dlbench.plugin import ArraySpec
from dlbench_torch.network import Inputs, Network

FEW = 2
"""Samples of that call."""


def materialise(network: Network, inputs: Inputs) -> None:
    """Give lazy layers their parameters, whose initial values follow the seed; a module without any is left alone.

    One call on zeros in the mode of prediction. Raises whatever the module raises for inputs that do not fit.
    """
    if any(nn.parameter.is_lazy(one) for one in (*network.parameters(), *network.buffers())):
        with torch.no_grad():
            network(*(torch.zeros_like(one) for one in inputs))


def zeros(arrays: Iterable[ArraySpec]) -> Inputs:
    """A few samples of zeros."""
    return tuple(
        torch.zeros((min(FEW, one.shape[0]), *one.shape[1:]), dtype=getattr(torch, one.dtype)) for one in arrays
    )
