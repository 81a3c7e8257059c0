"""An architecture of a third party: one dense layer whose outputs are scaled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlbench.architectures.initializers import Initial, draw

DEFAULT_TASK = "line"


@dataclass(frozen=True)
class Scaled:
    """`outputs = factor (inputs kernel + bias)`; the task decides on inputs and outputs."""

    batch_size: int
    factor: float = 2.0
    input_shape: tuple[int, ...] | None = None

    def initial_parameters(self, signature, seed):
        """Canonical parameters: kernel (inputs, outputs) and bias (outputs)."""
        inputs, outputs = signature.inputs.shape[-1], signature.outputs.shape[-1]
        return draw({"kernel": Initial((inputs, outputs)), "bias": Initial((outputs,), "zeros")}, seed)

    def flops_per_step(self, signature):
        """Two per multiply-add, three times for forward and backward."""
        return 6.0 * float(np.prod(signature.inputs.shape)) * signature.outputs.shape[-1]

    def forward(self, parameters, inputs, signature):
        """Outputs (batch, outputs), computed in float64."""
        kernel, bias = (np.asarray(parameters[name], np.float64) for name in ("kernel", "bias"))
        return (self.factor * (np.asarray(inputs, np.float64) @ kernel + bias)).astype(np.float32)


SIZES = {"small": Scaled(batch_size=16), "wide": Scaled(batch_size=64)}
