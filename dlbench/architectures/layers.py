"""Layers that the NumPy forward passes share, in float64."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def doubles(parameters: Mapping[str, Any]) -> dict[str, Doubles]:
    """The parameters in float64."""
    return {name: np.asarray(value, np.float64) for name, value in parameters.items()}


def affine(p: Mapping[str, Doubles], name: str, h: Doubles) -> Doubles:
    """`h kernel + bias` of the dense layer of this name."""
    return np.asarray(h @ p[f"{name}/kernel"] + p[f"{name}/bias"])


def relu(h: Doubles) -> Doubles:
    """The positive part."""
    return np.maximum(h, 0.0)


def leaky_relu(h: Doubles, slope: float) -> Doubles:
    """Negative values times the slope."""
    return np.where(h > 0.0, h, slope * h)


def sigmoid(h: Doubles) -> Doubles:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (np.tanh(0.5 * h) + 1.0))
