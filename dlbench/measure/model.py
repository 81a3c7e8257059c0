"""The model under measurement, in the child: its steps, their barrier, and checks of its results."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from dlbench.measure import batches, peak_rate, reported, rounding, timing, warm_up
from dlbench.measure.batches import BatchSource
from dlbench.measure.build import Prepared, batch_of_call, stage
from dlbench.measure.divergence import DivergedError, DivergenceCheck
from dlbench.measure.warm_up import Settled, SettleRule
from dlbench.plugin import (
    Batch,
    Compilation,
    ExchangesParameters,
    ModelPlugin,
    MultipliesMatrices,
    ReportsDeviceMemory,
    Synchronizes,
)
from dlbench.record.schema import PhaseMemory
from dlbench.spec import Policy, Spec
from dlbench.system import memory


class MeasuredModel:
    """A built plugin with its task: a step, a barrier, an evaluation."""

    def __init__(self, spec: Spec, prepared: Prepared) -> None:
        self._spec, self._plugin, self._task = spec, prepared.plugin, prepared.task
        self.feed = batches.source_for(spec, prepared.task, self.staged, self._predict)
        self.loss: float | None = None
        self._outputs: Any = None
        self._course = DivergenceCheck(spec, prepared.task.signature.loss)
        step = _step_function(spec, self._plugin, self.feed)
        self.step: Callable[[], Any] = self._course.wrap(step) if not spec.timed else step
        self._warm: Compilation | None = None
        self._calls = 0

    def sampler(self, clock: timing.Clock | None = None) -> timing.Sampler:
        """Times these steps."""
        return timing.Sampler(self.step, self.barrier, self.ready, clock, self._spec.steps_per_call)

    def ready(self, calls: int) -> None:
        """Make sure that the batches of this many calls are staged; outside the clock."""
        self._calls += calls
        self.feed.ready(calls)
        if isinstance(self._plugin, Synchronizes):
            self._plugin.sync()  # batches may still be on their way to the device

    def barrier(self, result: Any) -> None:
        """Wait for the device by reading the result of the last step. Raises if that makes no sense."""
        if isinstance(self._plugin, Synchronizes):
            self._plugin.sync()
        if not self._spec.trains:
            self._outputs = self._checked(result)
        else:
            self.loss = self._course.last_loss(result)

    def take_along(self, calls: int) -> None:
        """Take the steps of another worker's sample, batches made ready before."""
        result = None
        gc.disable()
        try:
            for _ in range(calls):
                result = self.step()
            self.barrier(result)
        finally:
            gc.enable()

    def drawn(self, call: int) -> Batch:
        """The batch of a call, not staged."""
        return batch_of_call(self._task, self._spec, call)

    def staged(self, batch: Batch) -> Batch:
        """The batch where the Spec wants it before a step."""
        return stage(self._plugin, self._spec, batch)

    def check(self) -> None:
        """Look at the last outputs, outside the clock. Raises DivergedError when they are not finite numbers."""
        if self._outputs is not None:
            self._finite(self._outputs)

    @property
    def seen(self) -> Any:
        """The loss of the last call, or its outputs in the phase `predict`."""
        return self.loss if self._spec.trains else self._outputs

    def exported(self) -> dict[str, Any]:
        """All values that training changes, by name; empty if it does not train, or the plugin cannot export them."""
        if not self._spec.trains or not isinstance(self._plugin, ExchangesParameters):
            return {}
        return dict(self._plugin.export_parameters())

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
        return memory.mark(phase, peak)

    def warmed_up(self) -> None:
        """Mark the end of warm-up: later compilations are late. Raises ContractViolation if proof is not possible."""
        self._warm = None
        self._warm, self._calls = self.compilation(), 0

    def compilation(self) -> Compilation | None:
        """Proof that the path `jit` ran compiled, whole, and not again after warm-up (`dlbench.record.proof`).

        Raises ContractViolation without it; if the Spec allows breaks, only when nothing was compiled at all.
        """
        found = reported.compilation(self._spec.plugin, self._plugin)
        return reported.proven(self._spec, found, self._warm, self._calls)

    def flops_per_step(self) -> float | None:
        """FLOPs of a step as the framework counts them; None if it does not, or if the core knows them.

        Training takes three times the forward pass, as in the core's own counts (`dlbench.architectures`).
        """
        return reported.step_flops(self._spec, self._plugin, lambda: self.staged(self._task.batch(self._spec.seed, 0)))

    def peak_flop_rate(self, flops: float | None, steady: Sequence[float]) -> float | None:
        """FLOPs a second of a large matrix product; None if the plugin or the machine cannot show it.

        `steady` are the seconds of a step of `flops`. Raises ContractViolation if they are faster.
        """
        if not isinstance(self._plugin, MultipliesMatrices):
            return None
        sampler, flops = self.sampler(), flops or 0.0
        rate = flops / statistics.median(steady) if steady else 0.0
        again = lambda: flops / sampler.take(1).step_seconds  # noqa: E731
        return peak_rate.rate_above_steps(self._plugin, self._spec.plugin, rate, again)

    def taken_in(self) -> tuple[str, ...]:
        """The precisions of the operands of the model's products, by its outputs; empty if they cannot be told.

        Checked only if no further function must be compiled for it; a failure here is no fault of the Run.
        """
        if self._spec.timed and self._spec.trains and self._spec.path != "eager":
            return ()
        try:
            inputs = self._task.batch(self._spec.seed, 0).inputs
            outputs = rounding.outputs_of(self._plugin, inputs, self._predict)
            return rounding.taken_in(outputs) if outputs is not None else ()
        except Exception:
            return ()

    def _predict(self, inputs: Any) -> Any:
        targets = self._task.signature.targets
        staged = self.staged(Batch(inputs, np.zeros(targets.shape, targets.dtype)))
        return self._finite(self._checked(self._plugin.predict(staged.inputs)))

    def _finite(self, values: Any) -> Any:
        if not np.isfinite(values).all():
            place = f" after step {self._course.steps}" if self._course.steps else ""
            raise DivergedError(f"{self._spec.plugin}: predict returned values that are not finite numbers{place}")
        return values

    def _checked(self, result: Any) -> Any:
        return reported.outputs(self._spec.plugin, result, self._task.signature.outputs.shape)


def settle(sampler: timing.Sampler, policy: Policy, sampled: Callable[[], None] = lambda: None) -> Settled:
    """Warm up as the policy says; a sample lasts long enough for clock and barrier to be a thousandth of it.

    `sampled` is called after each sample, outside the clock.
    """
    least = max(1000 * sampler.overhead(), sampler.least_seconds)
    rule = SettleRule(
        sample_seconds=max(policy.sample_seconds, least),
        turn_seconds=max(policy.turn_seconds or policy.sample_seconds, least),
        steps=policy.settle_steps,
        seconds=policy.settle_seconds,
        tolerance=policy.settle_tolerance,
        cap_seconds=policy.settle_cap_seconds,
        cap_samples=policy.settle_cap_samples,
    )

    def take(steps: int) -> timing.Timing:
        found = sampler.take(steps)
        sampled()
        return found

    return warm_up.settle(take, rule)


def _step_function(spec: Spec, plugin: ModelPlugin, feed: BatchSource) -> Callable[[], Any]:
    handed = feed.batches
    if not spec.trains:
        predict = plugin.predict
        return lambda: predict(next(handed).inputs)
    train_step = plugin.train_step
    return lambda: train_step(next(handed))
