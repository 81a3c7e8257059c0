"""The model under measurement, in the child: its steps, their barrier, and checks of what comes back."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from dlbench import architectures
from dlbench.errors import ContractViolation, Unsupported
from dlbench.measure import peak, reported, rounding, timing
from dlbench.measure.build import Prepared, batch_of_call, stage
from dlbench.measure.divergence import DivergedError, DivergenceCheck
from dlbench.plugin import (
    Batch,
    Compilation,
    ModelPlugin,
    MultipliesMatrices,
    ReportsDeviceMemory,
    Synchronizes,
)
from dlbench.record import proof
from dlbench.record.schema import PhaseMemory
from dlbench.spec import Policy, Spec
from dlbench.system import memory, nvml

RING = 16
"""Staged batches that a timed step goes round: more than a cache holds of one, few enough to stage at once."""


class BatchSource(Protocol):
    """Hands out staged batches: `ready` is called outside the clock, `batches` is read inside it."""

    batches: Iterator[Batch]

    def ready(self, calls: int) -> None:
        """Make sure that the batches of this many calls are staged."""
        ...


class CyclingBatches:
    """The batches of the first calls, over and over: what a timed step is fed."""

    def __init__(self, staged: Callable[[int], Batch], size: int) -> None:
        self.batches: Iterator[Batch] = itertools.cycle([staged(call) for call in range(size)])

    def ready(self, calls: int) -> None:
        """All are staged."""


class StreamingBatches:
    """The batch of every call once: what training to a target is fed."""

    def __init__(self, staged: Callable[[int], Batch]) -> None:
        self._staged, self._call = staged, 0
        self._waiting: deque[Batch] = deque()
        self.batches: Iterator[Batch] = iter(self._waiting.popleft, None)

    def ready(self, calls: int) -> None:
        """Stage what the coming calls need."""
        while len(self._waiting) < calls:
            self._waiting.append(self._staged(self._call))
            self._call += 1


class RolloutBatches:
    """The batches of a task that learns by acting: the model plays for them, so that it is part of the clocked step."""

    def __init__(self, batches: Iterator[Batch], stage: Callable[[Batch], Batch]) -> None:
        self.batches: Iterator[Batch] = map(stage, batches)

    def ready(self, calls: int) -> None:
        """Nothing can be staged before the model has come so far."""


class MeasuredModel:
    """A built plugin with its task: a step, a barrier, an evaluation."""

    def __init__(self, spec: Spec, prepared: Prepared) -> None:
        self._spec, self._plugin, self._task = spec, prepared.plugin, prepared.task
        self._feed = self._feed_for(spec)
        self.loss: float | None = None
        self._outputs: Any = None
        self._course = DivergenceCheck(spec, prepared.task.signature.loss)
        step = _step_function(spec, self._plugin, self._feed)
        self.step: Callable[[], Any] = self._course.wrap(step) if not spec.timed else step
        self._warm: Compilation | None = None
        self._calls = 0

    def sampler(self) -> timing.Sampler:
        """Times these steps."""
        return timing.Sampler(self.step, self.barrier, self.ready, steps_per_call=self._spec.steps_per_call)

    def ready(self, calls: int) -> None:
        """Make sure that the batches of this many calls are staged; outside the clock."""
        self._calls += calls
        self._feed.ready(calls)

    def barrier(self, result: Any) -> None:
        """Wait for the device by reading what the last step returned. Raises when it makes no sense."""
        if isinstance(self._plugin, Synchronizes):
            self._plugin.sync()
        if not self._spec.trains:
            self._outputs = self._checked(result)
        else:
            self.loss = self._course.last_loss(result)

    def check(self) -> None:
        """Look at the last outputs, outside the clock. Raises DivergedError when they are not finite numbers."""
        if self._outputs is not None:
            self._finite(self._outputs)

    def quality(self) -> float:
        """The task's quality on held-out data. Raises DivergedError when it is none."""
        return float(self._finite(self._task.evaluate(self._predict)))

    def mark(self, phase: str) -> PhaseMemory:
        """Memory of the phase that ends here."""
        if not isinstance(self._plugin, ReportsDeviceMemory):
            return memory.mark(phase)
        said = self._plugin.device_memory_peak()
        peak = reported.checked(self._spec.plugin, "device_memory_peak()", said, reported.DEVICE_PEAK)
        self._plugin.reset_device_memory_peak()
        return memory.mark(phase, peak, None if peak is None else nvml.device_bytes())

    def warmed_up(self) -> None:
        """What is compiled again from here on is late. Raises ContractViolation for what could not be proven later."""
        self._warm = None
        self._warm, self._calls = self.compilation(), 0

    def compilation(self) -> Compilation | None:
        """Proof that the path `jit` ran compiled, whole, and not again after warm-up (`dlbench.record.proof`).

        Raises ContractViolation without it; where the Spec allows breaks, only when nothing was compiled at all.
        """
        found = reported.compilation(self._spec.plugin, self._plugin)
        if found is not None and self._warm is not None:
            found = proof.since(self._spec, found, self._warm, self._calls)
        if self._spec.path == "jit" and (problem := proof.problem(self._spec, found)):
            raise ContractViolation(f"{self._spec.plugin}: {problem}")
        return found

    def flops_per_step(self) -> float | None:
        """FLOPs of a step as the framework counts them; None where it does not, or where the core knows them.

        Training takes three times the forward pass, as in the core's own counts (`dlbench.architectures`).
        """
        if architectures.describes(self._spec):
            return None
        batch = self._stage(self._task.batch(self._spec.seed, 0))
        counted = reported.flops(self._spec.plugin, self._plugin, batch)
        return None if counted is None else counted * (3.0 if self._spec.trains else 1.0)

    def peak_flop_rate(self) -> float | None:
        """FLOPs a second of a large matrix product; None where the plugin cannot show it."""
        if not isinstance(self._plugin, MultipliesMatrices):
            return None
        return peak.matmul_flop_rate(self._plugin, self._spec.plugin)

    def taken_in(self) -> tuple[str, ...]:
        """The precisions in which the model takes what it multiplies, by its outputs; empty where that is not told.

        Looked at where no further function must be compiled for it: what fails here is no fault of the Run.
        """
        if self._spec.timed and self._spec.trains and self._spec.path != "eager":
            return ()
        try:
            inputs = self._task.batch(self._spec.seed, 0).inputs
            outputs = rounding.outputs_of(self._plugin, inputs, self._predict)
            return rounding.taken_in(outputs) if outputs is not None else ()
        except Exception:
            return ()

    def _staged(self, call: int) -> Batch:
        return self._stage(batch_of_call(self._task, self._spec, call))

    def _stage(self, batch: Batch) -> Batch:
        return stage(self._plugin, self._spec, batch)

    def _predict(self, inputs: Any) -> Any:
        targets = self._task.signature.targets
        staged = self._stage(Batch(inputs, np.zeros(targets.shape, targets.dtype)))
        return self._finite(self._checked(self._plugin.predict(staged.inputs)))

    def _finite(self, values: Any) -> Any:
        if not np.isfinite(values).all():
            place = f" after step {self._course.steps}" if self._course.steps else ""
            raise DivergedError(f"{self._spec.plugin}: predict returned values that are not finite numbers{place}")
        return values

    def _feed_for(self, spec: Spec) -> BatchSource:
        if spec.timed:
            return CyclingBatches(self._staged, max(2, -(-RING // spec.steps_per_call)))
        if self._task.batches is None:
            return StreamingBatches(self._staged)
        if spec.steps_per_call > 1:
            raise Unsupported(f"task {spec.task} plays with the model before a step: it has one step a call")
        return RolloutBatches(self._task.batches(spec.seed, self._predict), self._stage)

    def _checked(self, result: Any) -> Any:
        return reported.outputs(self._spec.plugin, result, self._task.signature.outputs.shape)


def settle(sampler: timing.Sampler, policy: Policy) -> timing.Settled:
    """Warm up as the policy says; a sample lasts long enough for clock and barrier to be a thousandth of it."""
    rule = timing.SettleRule(
        sample_seconds=max(policy.sample_seconds, 1000 * sampler.overhead()),
        steps=policy.settle_steps,
        seconds=policy.settle_seconds,
        tolerance=policy.settle_tolerance,
        cap_seconds=policy.settle_cap_seconds,
        cap_samples=policy.settle_cap_samples,
    )
    return timing.settle(sampler.take, rule)


def _step_function(spec: Spec, plugin: ModelPlugin, feed: BatchSource) -> Callable[[], Any]:
    batches = feed.batches
    if not spec.trains:
        predict = plugin.predict
        return lambda: predict(next(batches).inputs)
    train_step = plugin.train_step
    return lambda: train_step(next(batches))
