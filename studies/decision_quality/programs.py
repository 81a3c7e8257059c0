"""Programs measured beside the frameworks: a matrix product, and a trap."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from dlbench.plugin import Batch, BuildRequest, ModelInfo

SIDE = 128
"""Rows of the square matrices: 4 million multiply-adds and additions, a few tenths of a millisecond on one core."""
PIECES, MORE_PIECES = 50, 52
"""Equal pieces of work in a step of the trap's fast and of its slow mode: 4 % apart."""
ELEMENTS = 4096


def _info() -> ModelInfo:
    return ModelInfo(
        parameter_count=0, device="cpu", precision="fp32", path="eager", versions={"numpy": np.__version__}
    )


class Gemm:
    """A product of two square matrices in float32, on as many threads as NumPy's BLAS was told to use."""

    def build(self, request: BuildRequest) -> ModelInfo:
        """Draw the matrices, and the outputs that the task wants to see."""
        generator = np.random.default_rng(request.spec.seed)
        self._left, self._right = generator.random((2, SIDE, SIDE), np.float32)
        self._product = np.empty((SIDE, SIDE), np.float32)
        self._outputs = np.zeros(request.signature.outputs.shape, np.float32)
        return _info()

    def train_step(self, batch: Batch) -> float:
        """The same work, and a loss that says nothing."""
        self.predict(batch.inputs)
        return 1.0

    def predict(self, _: Any) -> Any:
        """Multiply."""
        np.matmul(self._left, self._right, out=self._product)
        return self._outputs


class Modes:
    """A trap: each process is fast or slow by 4 %, by the toss of a coin, in every arm alike.

    Real programs do the same: by the addresses of their buffers, by the core they were put on.
    """

    def build(self, request: BuildRequest) -> ModelInfo:
        """Toss the coin. Not from a seed: a child that was forked would toss as its siblings do."""
        self._pieces = (PIECES, MORE_PIECES)[os.urandom(1)[0] % 2]
        self._values = np.linspace(1.0, 2.0, ELEMENTS, dtype=np.float32)
        self._result = np.empty_like(self._values)
        self._outputs = np.zeros(request.signature.outputs.shape, np.float32)
        return _info()

    def train_step(self, batch: Batch) -> float:
        """The same work, and a loss that says nothing."""
        self.predict(batch.inputs)
        return 1.0

    def predict(self, _: Any) -> Any:
        """Compute the pieces of one prediction."""
        for _ in range(self._pieces):
            np.sqrt(self._values, out=self._result)
        return self._outputs
