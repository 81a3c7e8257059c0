"""The core's gan (`dlbench.architectures.gan`) as one module that holds both networks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.gan import GAN, SLOPE
from dlbench.plugin import BuildRequest
from dlbench.plugin_kit import require_adversarial
from dlbench_torch.layers import dense_stack, shape_of

GENERATOR, DISCRIMINATOR = "generator.", "discriminator."


class Networks(nn.Module):
    """Noise to images; with real images too, to the discriminator's logits of generated and of real ones."""

    def __init__(self, model: GAN, latent: int, image: tuple[int, ...]) -> None:
        super().__init__()
        pixels = torch.Size(image).numel()
        self.generator = dense_stack(latent, model.generator, pixels)
        self.discriminator = dense_stack(pixels, model.discriminator, 1)
        self._image = image

    def forward(self, noise: Tensor, real: Tensor | None = None) -> Any:
        """Images (batch, ...), or a pair of logits (batch, 1)."""
        fake = _run(self.generator, noise).tanh()
        if real is None:
            return fake.reshape(-1, *self._image)
        return _run(self.discriminator, fake), _run(self.discriminator, real.flatten(1))


def make_module(request: BuildRequest) -> nn.Module:
    """Both networks for images of the request's shape. Raises Unsupported for a task of another kind."""
    require_adversarial(request)
    signature = request.signature
    model: GAN = request.configuration
    return Networks(model, signature.inputs.shape[-1], shape_of(signature.outputs))


def _run(stack: nn.ModuleDict, rows: Tensor) -> Tensor:
    *hidden, output = stack.values()
    for layer in hidden:
        rows = F.leaky_relu(layer(rows), SLOPE)
    return output(rows)  # type: ignore[no-any-return]  # modules are untyped callables
