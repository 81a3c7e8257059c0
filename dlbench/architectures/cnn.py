"""A convolutional network: 3x3 convolutions without padding, ReLU, 2x2 max-pooling, then dense layers.

Canonical parameters, float32, images as (batch, height, width, channels): `conv{i}/kernel` (3, 3, channels in, channels
out) and `conv{i}/bias`; `dense/kernel`, `dense/bias`; `output/kernel`, `output/bias`. Between the last pooling and the
dense layer the image is flattened in the order height, width, channels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.architectures.initializers import Floats, Initial, dense, draw
from dlbench.architectures.layers import Doubles, affine, doubles, relu
from dlbench.errors import Unsupported
from dlbench.plugin import Signature

DEFAULT_TASK = "synthetic"
KERNEL, POOL = 3, 2


class CNN(msgspec.Struct, frozen=True, kw_only=True):
    """Channels of the convolutions, units of the dense layer, and the image that this size is stated for."""

    channels: tuple[int, ...]
    units: int
    batch_size: int
    input_shape: tuple[int, ...] | None = None

    def initials(self, signature: Signature) -> dict[str, Initial]:
        """Shape and rule of every parameter."""
        initials: dict[str, Initial] = {}
        fan_in = signature.inputs.shape[-1]
        for layer, channels in enumerate(self.channels):
            initials[f"conv{layer}/kernel"] = Initial((KERNEL, KERNEL, fan_in, channels))
            initials[f"conv{layer}/bias"] = Initial((channels,), "zeros")
            fan_in = channels
        height, width = self._sides(signature)[-1]
        initials |= dense("dense", height * width * fan_in, self.units)
        return initials | dense("output", self.units, signature.outputs.shape[-1])

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name; same seed, same values."""
        return draw(self.initials(signature), seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add, a convolution once for every place of its output; three times for the backward pass."""
        initials = self.initials(signature)
        total = sum(initials[f"{name}/kernel"].multiply_adds for name in ("dense", "output"))
        for layer, (height, width) in enumerate(self._convolved(signature)):
            total += height * width * initials[f"conv{layer}/kernel"].multiply_adds
        return 3.0 * 2.0 * signature.inputs.shape[0] * total

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:  # noqa: ARG002
        """Logits (batch, outputs), computed in float64."""
        p = doubles(parameters)
        h = np.asarray(inputs, np.float64)
        for layer in range(len(self.channels)):
            h = _pool(relu(_convolve(h, p[f"conv{layer}/kernel"]) + p[f"conv{layer}/bias"]))
        h = relu(affine(p, "dense", h.reshape(len(h), -1)))
        return affine(p, "output", h).astype(np.float32)

    def _convolved(self, signature: Signature) -> list[tuple[int, int]]:
        """Height and width of the output of every convolution."""
        sides = [signature.inputs.shape[1:3], *self._sides(signature)[:-1]]
        return [(height - KERNEL + 1, width - KERNEL + 1) for height, width in sides]

    def _sides(self, signature: Signature) -> list[tuple[int, int]]:
        """Height and width after every pooling. Raises Unsupported for inputs that are no images."""
        if len(signature.inputs.shape) != 4:
            given = f"{signature.inputs.dtype} {signature.inputs.shape}"
            raise Unsupported(f"a cnn takes images (batch, height, width, channels), and the task has {given}")
        height, width = signature.inputs.shape[1:3]
        sides = []
        for _ in self.channels:
            height, width = (height - KERNEL + 1) // POOL, (width - KERNEL + 1) // POOL
            sides.append((height, width))
        return sides


SIZES = {
    "small": CNN(channels=(32, 64), units=64, batch_size=32, input_shape=(28, 28, 1)),
    "base": CNN(channels=(64, 128), units=64, batch_size=64, input_shape=(32, 32, 3)),
    "large": CNN(channels=(512, 1024), units=1024, batch_size=256, input_shape=(32, 32, 3)),
}


def _convolve(images: Doubles, kernel: Doubles) -> Doubles:
    windows = np.lib.stride_tricks.sliding_window_view(images, kernel.shape[:2], axis=(1, 2))
    return np.asarray(np.tensordot(windows, kernel.transpose(2, 0, 1, 3), axes=3))


def _pool(images: Doubles) -> Doubles:
    """Maximum of each 2x2 square; an odd last row or column is dropped."""
    batch, height, width, channels = images.shape
    height, width = height // POOL, width // POOL
    squares = images[:, : height * POOL, : width * POOL].reshape(batch, height, POOL, width, POOL, channels)
    return np.asarray(squares.max(axis=(2, 4)))
