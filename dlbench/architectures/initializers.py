"""Initial values, drawn in NumPy so that every framework starts from the same bits."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Initial:
    """Shape and rule of one parameter."""

    shape: tuple[int, ...]
    rule: Literal["glorot_uniform", "orthogonal", "embedding", "zeros", "ones"] = "glorot_uniform"

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds of applying this parameter once as a kernel; 0 for parameters that are added or looked up."""
        return math.prod(self.shape) if self.rule in ("glorot_uniform", "orthogonal") else 0


def dense(name: str, inputs: int, outputs: int) -> dict[str, Initial]:
    """Kernel (inputs, outputs) and bias of a dense layer."""
    return {f"{name}/kernel": Initial((inputs, outputs)), f"{name}/bias": Initial((outputs,), "zeros")}


def draw(parameters: Mapping[str, Initial], seed: int) -> dict[str, Floats]:
    """Draw every parameter from a stream of its own, named by seed and parameter.

    A parameter added or moved therefore changes no other. Same seed, same bits on every platform that NumPy's
    Philox generator runs on.
    """
    return {name: _draw(initial, seed, name) for name, initial in parameters.items()}


def _draw(initial: Initial, seed: int, name: str) -> Floats:
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, zlib.crc32(name.encode())])))
    match initial.rule:
        case "zeros":
            return np.zeros(initial.shape, np.float32)
        case "ones":
            return np.ones(initial.shape, np.float32)
        case "embedding":
            return _uniform(generator, initial.shape, 0.05)
        case "orthogonal":
            return _orthogonal(generator, initial.shape)
        case "glorot_uniform":
            return _uniform(generator, initial.shape, _glorot_limit(initial.shape))


def _uniform(generator: np.random.Generator, shape: tuple[int, ...], limit: float) -> Floats:
    return generator.uniform(-limit, limit, shape).astype(np.float32)


def _orthogonal(generator: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    """Rows of (inputs, outputs >= inputs) orthonormal (Saxe et al., 2014): QR of normal values, signs made unique."""
    q, r = np.linalg.qr(generator.normal(size=shape[::-1]))
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T.astype(np.float32))


def _glorot_limit(shape: tuple[int, ...]) -> float:
    """Glorot and Bengio (2010), equation 16; the last two axes are fan-in and fan-out, those before them a window."""
    window = float(np.prod(shape[:-2]))
    return float(np.sqrt(6.0 / (window * (shape[-2] + shape[-1]))))
