"""The core's mlp (`dlbench.architectures.mlp`)."""

from __future__ import annotations

import math

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.mlp import MLP
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_task
from dlbench_torch.layers import dense_stack, shape_of


class Perceptron(nn.Module):
    """Flattened inputs through linear layers with ReLU between them."""

    def __init__(self, model: MLP, inputs: int, outputs: int) -> None:
        super().__init__()
        for name, layer in dense_stack(inputs, model.widths, outputs).items():
            self.add_module(name, layer)

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (batch, outputs)."""
        *hidden, output = self.children()
        rows = inputs.flatten(1)
        for layer in hidden:
            rows = F.relu(layer(rows))
        return output(rows)  # type: ignore[no-any-return]  # modules are untyped callables


def make_module(request: BuildRequest) -> nn.Module:
    """A module for inputs of any shape. Raises Unsupported for tokens."""
    require_task(request, None, "numbers")
    signature = request.signature
    return Perceptron(request.configuration, math.prod(shape_of(signature.inputs)), signature.outputs.shape[-1])
