"""The small mlp of `torch.mlp` as a stranger would bring it: nothing here knows dlbench.

It makes the same calls as the package's own module: a module for each activation would cost a small model several
microseconds a step, which the adaptor does not cause.
"""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)


class mlp(nn.Module):  # noqa: N801 (its name makes it an arm of the workload of torch.mlp)
    """Two hidden layers of 64 units over 28 x 28 inputs, ten outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.output = nn.Linear(784, 64), nn.Linear(64, 64), nn.Linear(64, 10)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 10) of images (batch, 28, 28, 1)."""
        *hidden, output = self.children()
        rows = images.flatten(1)
        for layer in hidden:
            rows = F.relu(layer(rows))
        return output(rows)  # type: ignore[no-any-return]  # modules are untyped callables
