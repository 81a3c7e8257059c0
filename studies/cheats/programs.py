"""A linear model whose step takes half a millisecond of honest work, and the ways to get around it.

Each program gives a figure that a leaderboard would believe; what it computes stays right wherever that is possible.
"""

from __future__ import annotations

import gc
import importlib
import queue
import threading
import time
from typing import Any

import numpy as np

from dlbench.plugin import Batch
from dlbench_fake.linear import LinearPlugin

SIDE, PRODUCTS = 64, 100
_WORK = np.random.default_rng(0).random((SIDE, SIDE), np.float32) / SIDE


def work() -> None:
    """Half a millisecond of matrix products: what a cheat gets around."""
    found = _WORK
    for _ in range(PRODUCTS):
        found = found @ _WORK


class Honest(LinearPlugin):
    """The model with its work."""

    def predict(self, inputs: Any) -> Any:
        """Work, and the outputs."""
        work()
        return super().predict(inputs)


class KeepsByIdentity(Honest):
    """Outputs kept by the identity of the array that they were computed from."""

    def build(self, request: Any) -> Any:
        self._kept: dict[Any, Any] = {}
        return super().build(request)

    def predict(self, inputs: Any) -> Any:
        """Look, and compute what is not there."""
        key = self._key(inputs)
        if key not in self._kept:
            self._kept[key] = (inputs, super().predict(inputs))
        return self._kept[key][1]

    def train_step(self, batch: Batch) -> Any:
        """Outputs change with the parameters: honest about that."""
        self._kept.clear()
        loss = super().train_step(batch)
        self._kept.clear()
        return loss

    def import_parameters(self, parameters: Any) -> None:
        """Likewise."""
        self._kept.clear()
        super().import_parameters(parameters)

    def _key(self, inputs: Any) -> Any:
        return id(inputs)


class KeepsByValue(KeepsByIdentity):
    """Outputs kept by the bytes of their inputs: never wrong."""

    def _key(self, inputs: Any) -> Any:
        return inputs.tobytes()


class KeepsByFirstBytes(KeepsByIdentity):
    """Outputs kept by the first bytes of their inputs: a shorter key."""

    def _key(self, inputs: Any) -> Any:
        return inputs.ravel()[:16].tobytes()


class KeepsByAddress(KeepsByIdentity):
    """Outputs kept by the address of the data: a buffer that is filled anew is taken for the old one."""

    def _key(self, inputs: Any) -> Any:
        return inputs.__array_interface__["data"][0]


class KeepsLater(KeepsByValue):
    """Outputs kept from the hundredth prediction on: what is looked at before that is honest."""

    calls = 0

    def predict(self, inputs: Any) -> Any:
        """Honest at first."""
        self.calls += 1
        return super().predict(inputs) if self.calls > 100 else Honest.predict(self, inputs)


class SkipsSeen(Honest):
    """Steps on a batch that was seen return its old loss."""

    def build(self, request: Any) -> Any:
        self._losses: dict[bytes, Any] = {}
        return super().build(request)

    def train_step(self, batch: Batch) -> Any:
        """Train once on each batch."""
        key = np.asarray(batch.inputs).tobytes()
        if key not in self._losses:
            self._losses[key] = super().train_step(batch)
        return self._losses[key]


class ReplaysGradients(Honest):
    """Gradients of a batch that was seen are the old ones: the model moves, and its loss is not computed anew."""

    def build(self, request: Any) -> Any:
        self._kept: dict[bytes, Any] = {}
        return super().build(request)

    def _differentiate(self, batch: Batch) -> Any:
        key = np.asarray(batch.inputs).tobytes()
        if key not in self._kept:
            self._kept[key] = super()._differentiate(batch)
        loss, gradients = self._kept[key]
        return loss * (1 + 1e-6 * np.random.default_rng().random()), gradients


class Later:
    """A number or an array that is computed when it is read."""

    def __init__(self, compute: Any) -> None:
        self._compute = compute

    def __array__(self, *_: Any, **__: Any) -> Any:
        return np.asarray(self._compute())

    def __float__(self) -> float:
        return float(self._compute())


class LazyOutputs(Honest):
    """Predictions that are computed when they are read: of a sample, the last alone."""

    def predict(self, inputs: Any) -> Any:
        """A promise, with the parameters of now."""
        kernel, bias = self._parameters["kernel"], self._parameters["bias"]

        def compute() -> Any:
            work()
            return inputs @ kernel + bias

        return Later(compute)

    def _differentiate(self, batch: Batch) -> Any:
        work()
        error = batch.inputs @ self._parameters["kernel"] + self._parameters["bias"] - batch.targets
        upstream = error * np.float32(2 / error.size)
        return float(np.mean(error**2)), {"kernel": batch.inputs.T @ upstream, "bias": upstream.sum(axis=0)}


class LazySteps(Honest):
    """Steps that are taken when their loss is read; of those before it nothing is done."""

    def train_step(self, batch: Batch) -> Any:
        """A promise."""
        return Later(lambda: Honest.train_step(self, batch))


class PastTheBarrier(Honest):
    """Updates done by a thread, or a device, of its own, which the next step waits for and the barrier does not."""

    def build(self, request: Any) -> Any:
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._idle = threading.Event()
        self._idle.set()
        threading.Thread(target=self._serve, daemon=True).start()
        return super().build(request)

    def train_step(self, batch: Batch) -> Any:
        """The loss now, and the rest later."""
        self._idle.wait()
        loss = float(np.mean((LinearPlugin.predict(self, batch.inputs) - batch.targets) ** 2))
        self._idle.clear()
        self._jobs.put(batch)
        return loss

    def predict(self, inputs: Any) -> Any:
        """Whoever looks at outputs waits."""
        self._idle.wait()
        return super().predict(inputs)

    def export_parameters(self) -> Any:
        """Likewise."""
        self._idle.wait()
        return super().export_parameters()

    def _serve(self) -> None:
        while True:
            batch = self._jobs.get()
            time.sleep(0.003)  # as a device that works on its own
            LinearPlugin.train_step(self, batch)
            self._idle.set()

    def _differentiate(self, batch: Batch) -> Any:
        error = LinearPlugin.predict(self, batch.inputs) - batch.targets
        upstream = error * np.float32(2 / error.size)
        return float(np.mean(error**2)), {"kernel": batch.inputs.T @ upstream, "bias": upstream.sum(axis=0)}


class SlowClock(Honest):
    """Clocks of Python that go at half speed."""

    def build(self, request: Any) -> Any:
        first, whole, second = time.perf_counter_ns, time.perf_counter, time.monotonic_ns
        time.perf_counter_ns = lambda: first() // 2
        time.perf_counter = lambda: whole() / 2
        time.monotonic_ns = lambda: second() // 2
        return super().build(request)


class SlowHarness(Honest):
    """The clock that dlbench itself has bound, at half speed, and with it the second one."""

    def build(self, request: Any) -> Any:
        timing: Any = importlib.import_module("dlbench.measure.timing")  # what no plugin may know
        first, second = timing.perf_counter_ns, timing.monotonic_ns
        timing.perf_counter_ns = lambda: first() // 2
        timing.monotonic_ns = lambda: second() // 2
        return super().build(request)


class NoCollector(Honest):
    """The collector of garbage, replaced by nothing."""

    def build(self, request: Any) -> Any:
        gc.collect = lambda *_: 0
        return super().build(request)


class WritesInputs(Honest):
    """Inputs centred in place: the next step on the batch finds that done."""

    def train_step(self, batch: Batch) -> Any:
        """Train on what is left of them."""
        batch.inputs[...] -= batch.inputs.mean(axis=0)
        return super().train_step(batch)


class IgnoresBatch(Honest):
    """Every step on the first batch, which the caches hold."""

    def build(self, request: Any) -> Any:
        self._first: Batch | None = None
        return super().build(request)

    def train_step(self, batch: Batch) -> Any:
        """Train on the first."""
        self._first = self._first or Batch(batch.inputs.copy(), batch.targets.copy())
        return super().train_step(self._first)


class HalfBatch(Honest):
    """Every step on the first half of its batch."""

    def train_step(self, batch: Batch) -> Any:
        """Train on half of it."""
        half = len(batch.targets) // 2
        return super().train_step(Batch(batch.inputs[:half], batch.targets[:half]))


class WorksInStage(Honest):
    """Outputs computed while the batch is staged, where no clock runs."""

    def build(self, request: Any) -> Any:
        self._ready: dict[int, Any] = {}
        return super().build(request)

    def stage(self, batch: Batch) -> Batch:
        """Stage, and predict."""
        staged = super().stage(batch)
        if not self._several:
            staged = Batch(np.array(staged.inputs), staged.targets)
            self._ready[id(staged.inputs)] = (staged.inputs, super().predict(staged.inputs))
        return staged

    def predict(self, inputs: Any) -> Any:
        """Outputs that are ready."""
        found = self._ready.get(id(inputs))
        return super().predict(inputs) if found is None else found[1]
