"""Programs measured beside the frameworks: a matrix product, also placed by hand, and a trap."""

from __future__ import annotations

import mmap
import os
from typing import Any

import numpy as np

from dlbench.plugin import Batch, BuildRequest, ModelInfo

SIDE = 128
"""Rows of the square matrices: 4 million multiply-adds and additions, a few tenths of a millisecond on one core."""
PIECES, MORE_PIECES = 50, 52
"""Equal pieces of work in a step of the trap's fast and of its slow mode: 4 % apart."""
ELEMENTS = 4096
HUGE = 2 << 20
"""Bytes of a huge page of x86-64."""


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


class InHugePage(Gemm):
    """The product with its three matrices one after the other in one huge page: physical memory is then contiguous."""

    def build(self, request: BuildRequest) -> ModelInfo:
        """Draw the matrices, and move them. Raises OSError where the kernel has no huge pages to give."""
        info = super().build(request)
        self._memory = mmap.mmap(-1, 2 * HUGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._memory.madvise(mmap.MADV_HUGEPAGE)
        pages = np.frombuffer(self._memory, np.uint8)
        start = -pages.ctypes.data % HUGE
        floats = pages[start : start + 3 * SIDE * SIDE * 4].view(np.float32).reshape(3, SIDE, SIDE)
        floats[:2] = self._left, self._right
        floats[2] = 0.0
        self._left, self._right, self._product = floats
        return info


class Bound(Gemm):
    """The product with each thread of the process bound to a processor of its own, from the first product on."""

    _bound = False

    def predict(self, inputs: Any) -> Any:
        """Multiply; bind the threads once they are there."""
        found = super().predict(inputs)
        if not self._bound:
            self._bound = True
            processors = sorted(os.sched_getaffinity(0))
            for place, thread in enumerate(sorted(map(int, os.listdir("/proc/self/task")))):  # noqa: PTH208
                os.sched_setaffinity(thread, {processors[place % len(processors)]})
        return found


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
