"""The mlp of `torch.mlp`, small, as a stranger would write it: nothing here knows dlbench."""

from __future__ import annotations

from torch import Tensor, nn


class mlp(nn.Module):  # noqa: N801 (its name makes it an arm of the workload of torch.mlp)
    """Two hidden layers of 64 units over 28 x 28 inputs, ten outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Logits (batch, 10) of images (batch, 28, 28, 1)."""
        return self.layers(images)  # type: ignore[no-any-return]  # modules are untyped callables
