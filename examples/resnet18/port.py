"""A port of torchvision's ResNet-18 to Keras, and the conversion of its state.

    dlbench run --model torchvision:resnet18 --model tf=port.py:KerasNet --convert port.py:weights --input 32x3x64x64

Traps on the way: images are channels-first in PyTorch and channels-last in Keras; `padding="same"` pads a convolution
with a stride at the end alone; the momentum of batch normalisation is the share that is kept in Keras and the share
that is new in PyTorch; and the moving variance is the biased one in Keras.
"""

from __future__ import annotations

from typing import Any

import keras
from keras import layers, ops


class BatchNorm(layers.Layer):
    """Batch normalisation with the epsilon, the momentum and the unbiased moving variance of PyTorch."""

    def build(self, shape: Any) -> None:
        """One number of each kind for each channel."""
        size = (shape[-1],)
        self.gamma = self.add_weight(shape=size, initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=size, initializer="zeros", name="beta")
        self.moving_mean = self.add_weight(shape=size, trainable=False, initializer="zeros", name="moving_mean")
        self.moving_variance = self.add_weight(shape=size, trainable=False, initializer="ones", name="moving_variance")

    def call(self, x: Any, training: bool = False) -> Any:
        """Normalise by the batch in training and by the moving statistics in prediction."""
        mean, variance = self.moving_mean, self.moving_variance
        if training:
            mean, variance = ops.moments(x, axes=(0, 1, 2))
            count = x.shape[0] * x.shape[1] * x.shape[2]
            self._follow(self.moving_mean, mean)
            self._follow(self.moving_variance, variance * count / max(count - 1, 1))
        return (x - mean) * ops.rsqrt(variance + 1e-5) * self.gamma + self.beta

    def _follow(self, moving: Any, value: Any) -> None:
        moving.assign(0.9 * moving + 0.1 * value)


def convolve(x: Any, name: str, channels: int, size: int, stride: int = 1) -> Any:
    """A convolution padded alike on all sides."""
    padded = layers.ZeroPadding2D(size // 2)(x)
    return layers.Conv2D(channels, size, stride, use_bias=False, name=name)(padded)


def block(x: Any, name: str, channels: int, stride: int) -> Any:
    """Two convolutions beside a shortcut."""
    y = convolve(x, f"{name}.conv1", channels, 3, stride)
    y = layers.ReLU()(BatchNorm(name=f"{name}.bn1")(y))
    y = convolve(y, f"{name}.conv2", channels, 3)
    y = BatchNorm(name=f"{name}.bn2")(y)
    if stride > 1:
        x = convolve(x, f"{name}.downsample.0", channels, 1, stride)
        x = BatchNorm(name=f"{name}.downsample.1")(x)
    return layers.ReLU()(layers.Add()([x, y]))


def KerasNet(num_classes: int = 1000) -> Any:  # noqa: N802 (it stands for a class)
    """The port, which takes the same channels-first images. Its layers have the names of the modules there."""
    images = keras.Input((3, None, None))
    x = layers.Permute((2, 3, 1))(images)
    x = layers.ReLU()(BatchNorm(name="bn1")(convolve(x, "conv1", 64, 7, 2)))
    x = layers.MaxPooling2D(3, 2)(layers.ZeroPadding2D(1)(x))  # zeros do not count: nothing is negative
    for stage, channels in enumerate((64, 128, 256, 512), 1):
        x = block(x, f"layer{stage}.0", channels, 1 if stage == 1 else 2)
        x = block(x, f"layer{stage}.1", channels, 1)
    return keras.Model(images, layers.Dense(num_classes, name="fc")(layers.GlobalAveragePooling2D()(x)))


LEAVES = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean", "running_var": "moving_variance"}


def weights(state: dict[str, Any]) -> dict[str, Any]:
    """The port's state, of the original's: kernels are (height, width, in, out) in Keras."""
    found = {}
    for name, value in state.items():
        layer, _, leaf = name.rpartition(".")
        if value.ndim == 4:
            found[f"{layer}/kernel"] = value.transpose(2, 3, 1, 0)
        elif layer == "fc":
            found[f"fc/{'kernel' if leaf == 'weight' else 'bias'}"] = value.T
        else:
            found[f"{layer}/{LEAVES[leaf]}"] = value
    return found
