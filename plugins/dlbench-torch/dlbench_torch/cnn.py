"""The core's cnn (`dlbench.architectures.cnn`); images stay channels-last in memory: faster on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.cnn import CNN, KERNEL, POOL
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task


class Convolutions(nn.Module):
    """Convolution, ReLU and pooling, then two linear layers."""

    def __init__(self, model: CNN, features: int, channels: int, outputs: int) -> None:
        super().__init__()
        self._layers = len(model.channels)
        for layer, wide in enumerate(model.channels):
            self.add_module(f"conv{layer}", nn.Conv2d(channels, wide, KERNEL))
            channels = wide
        self.dense, self.output = nn.Linear(features, model.units), nn.Linear(model.units, outputs)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # the stubs lack this form

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, outputs) of images (batch, height, width, channels)."""
        maps = images.permute(0, 3, 1, 2)
        for layer in range(self._layers):
            maps = _pooled(F.relu(self.get_submodule(f"conv{layer}")(maps)))
        flat = maps.permute(0, 2, 3, 1).flatten(1)
        return self.output(F.relu(self.dense(flat)))  # type: ignore[no-any-return]  # modules are untyped callables


def _pooled(maps: Tensor) -> Tensor:
    """The largest of each square (batch, channels, height, width); on XLA by reshaping.

    The pooling of torch_xla is a C++ function that torch.func cannot differentiate. For equal values of a square the
    gradients differ. Behind a ReLU these values are zeros, whose gradients are zero.
    """
    if maps.device.type != "xla":
        return F.max_pool2d(maps, POOL)
    batch, channels, height, width = maps.shape
    rows, columns = height // POOL, width // POOL
    cut = maps[:, :, : rows * POOL, : columns * POOL]
    return cut.reshape(batch, channels, rows, POOL, columns, POOL).amax((3, 5))


def make_module(request: BuildRequest) -> nn.Module:
    """A module for images of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 4, "images (batch, height, width, channels)")
    assert request.parameters is not None
    features = request.parameters["dense/kernel"].shape[0]
    signature = request.signature
    return Convolutions(request.configuration, features, signature.inputs.shape[-1], signature.outputs.shape[-1])
