"""One dense layer: `outputs = inputs kernel + bias`. For trying out a plugin, a method or a machine, not for fame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from dlbench.architectures.initializers import Initial, draw
from dlbench.plugin import Signature

DEFAULT_TASK = "line"


class Linear(msgspec.Struct, frozen=True, kw_only=True):
    """The task decides on inputs and outputs."""

    batch_size: int
    input_shape: tuple[int, ...] | None = None

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, npt.NDArray[np.float32]]:
        """Canonical parameters: kernel (inputs, outputs) and bias (outputs)."""
        inputs, outputs = signature.inputs.shape[-1], signature.outputs.shape[-1]
        return draw({"kernel": Initial((inputs, outputs)), "bias": Initial((outputs,), "zeros")}, seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add, three times for forward and backward."""
        return 3.0 * 2.0 * float(np.prod(signature.inputs.shape)) * signature.outputs.shape[-1]

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> npt.NDArray[np.float32]:  # noqa: ARG002 (the others need it)
        """Outputs (batch, outputs), computed in float64."""
        kernel, bias = (np.asarray(parameters[name], np.float64) for name in ("kernel", "bias"))
        outputs = np.asarray(inputs, np.float64) @ kernel + bias
        return np.asarray(outputs.astype(np.float32))


SIZES = {"small": Linear(batch_size=32), "base": Linear(batch_size=1024)}
