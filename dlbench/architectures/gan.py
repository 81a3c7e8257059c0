"""A generative adversarial network (Goodfellow et al., 2014) of two multilayer perceptrons, trained in one step.

Inputs are noise (batch, latent), targets real images scaled to [-1, 1]; outputs are generated images. Canonical
parameters, float32: `generator/dense{i}/kernel`, `/bias`, `generator/output/...`, likewise `discriminator`. Hidden
layers have LeakyReLU with slope 0.01, the generator ends in tanh, the discriminator in one logit. One step, both
gradients taken at the values before it:

    generator loss      mean of -log sigmoid(D(G(z)))
    discriminator loss  mean of -log sigmoid(D(x)), plus mean of -log(1 - sigmoid(D(G(z))))
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np

from dlbench.architectures.initializers import Floats, Initial, dense, draw
from dlbench.architectures.layers import Doubles, affine, doubles, leaky_relu
from dlbench.plugin import Signature

DEFAULT_TASK = "synthetic_gan"
SLOPE = 0.01


class GAN(msgspec.Struct, frozen=True, kw_only=True):
    """Hidden widths of both networks and the length of the noise; `input_shape` is the shape of the noise."""

    generator: tuple[int, ...]
    discriminator: tuple[int, ...]
    batch_size: int
    input_shape: tuple[int, ...] | None = (100,)

    def initials(self, signature: Signature) -> dict[str, Initial]:
        """Shape and rule of every parameter."""
        latent, pixels = signature.inputs.shape[-1], int(np.prod(signature.outputs.shape[1:]))
        return _stack("generator", latent, self.generator, pixels) | _stack(
            "discriminator", pixels, self.discriminator, 1
        )

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name; same seed, same values."""
        return draw(self.initials(signature), seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add; both networks forward and backward.

        The generator runs once forward and twice backward; the discriminator the same on real and on generated images,
        and once more backward, through to the generator's images.
        """
        adds = {"generator": 0.0, "discriminator": 0.0}
        for name, initial in self.initials(signature).items():
            adds[name.partition("/")[0]] += initial.multiply_adds
        return 2.0 * signature.inputs.shape[0] * (3.0 * adds["generator"] + 7.0 * adds["discriminator"])

    def flops_per_prediction(self, signature: Signature) -> float:
        """The generator forward: a third of a training step would hold the discriminator too."""
        made = [at.multiply_adds for name, at in self.initials(signature).items() if name.startswith("generator/")]
        return 2.0 * signature.inputs.shape[0] * sum(made)

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:
        """Generated images in the shape of the outputs, computed in float64."""
        flat = np.tanh(_run(doubles(parameters), "generator", np.asarray(inputs, np.float64)))
        return flat.reshape(len(inputs), *signature.outputs.shape[1:]).astype(np.float32)

    def judge(self, parameters: Mapping[str, Any], images: Any) -> Doubles:
        """The discriminator's logits (batch, 1) for images, computed in float64."""
        return _run(doubles(parameters), "discriminator", np.asarray(images, np.float64).reshape(len(images), -1))


SIZES = {
    "small": GAN(generator=(128,), discriminator=(128,), batch_size=32),
    "base": GAN(generator=(1024, 1024), discriminator=(1024, 1024), batch_size=128),
    "large": GAN(generator=(8192,) * 4, discriminator=(8192,) * 4, batch_size=512),
}


def _stack(name: str, inputs: int, widths: tuple[int, ...], outputs: int) -> dict[str, Initial]:
    initials: dict[str, Initial] = {}
    for layer, width in enumerate(widths):
        initials |= dense(f"{name}/dense{layer}", inputs, width)
        inputs = width
    return initials | dense(f"{name}/output", inputs, outputs)


def _run(p: Mapping[str, Doubles], name: str, h: Doubles) -> Doubles:
    layer = 0
    while f"{name}/dense{layer}/kernel" in p:
        h = leaky_relu(affine(p, f"{name}/dense{layer}", h), SLOPE)
        layer += 1
    return affine(p, f"{name}/output", h)
