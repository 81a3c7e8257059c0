"""A multilayer perceptron: the inputs flattened, ReLU between dense layers.

Canonical parameters, float32: `dense{i}/kernel` (inputs, outputs) and `dense{i}/bias` for every hidden layer, then
`output/kernel` and `output/bias`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.architectures.initializers import Floats, Initial, dense, draw
from dlbench.architectures.layers import affine, doubles, relu
from dlbench.plugin import Signature

DEFAULT_TASK = "synthetic"


class MLP(msgspec.Struct, frozen=True, kw_only=True):
    """Widths of the hidden layers; `input_shape` None takes the task's."""

    widths: tuple[int, ...]
    batch_size: int
    input_shape: tuple[int, ...] | None = None

    def initials(self, signature: Signature) -> dict[str, Initial]:
        """Shape and rule of every parameter."""
        fan_in = int(np.prod(signature.inputs.shape[1:]))
        initials: dict[str, Initial] = {}
        for layer, width in enumerate(self.widths):
            initials |= dense(f"dense{layer}", fan_in, width)
            fan_in = width
        return initials | dense("output", fan_in, signature.outputs.shape[-1])

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name; same seed, same values."""
        return draw(self.initials(signature), seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add of every kernel, three times for forward and backward."""
        kernels = sum(initial.multiply_adds for initial in self.initials(signature).values())
        return 3.0 * 2.0 * signature.inputs.shape[0] * kernels

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:  # noqa: ARG002
        """Outputs (batch, outputs), computed in float64."""
        p = doubles(parameters)
        h = np.asarray(inputs, np.float64).reshape(len(inputs), -1)
        for layer in range(len(self.widths)):
            h = relu(affine(p, f"dense{layer}", h))
        return affine(p, "output", h).astype(np.float32)


SIZES = {
    "small": MLP(widths=(64, 64), batch_size=32),
    "base": MLP(widths=(1024,) * 4, batch_size=256),
    "large": MLP(widths=(8192,) * 8, batch_size=1024),
}
