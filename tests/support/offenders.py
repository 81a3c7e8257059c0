"""Plugins that each break one clause of the contract, and one of an accelerator that breaks none."""

from __future__ import annotations

import os
import threading
import time

import msgspec
import numpy as np
from off_course import OFF_COURSE
from several_steps import Accumulating, Single
from unsettled import UNSETTLED

from dlbench.errors import Unsupported
from dlbench.plugin import Batch
from dlbench_fake.linear import LinearPlugin


class Tensor:
    """An array that NumPy may not touch in its place."""

    def __init__(self, values):
        self.values = values

    def __array__(self, *_, **__):
        raise TypeError("can't convert device type tensor to numpy")

    def tolist(self):
        return self.values.tolist()


class Accelerated(LinearPlugin):
    """As on an accelerator: tensors of its own, and sums in the order in which threads come."""

    noise, device = 1e-7, "gpu:0"

    def build(self, request):
        if request.spec.device != "gpu:0":
            raise Unsupported(f"looked for {request.spec.device}, found gpu:0")
        spec = msgspec.structs.replace(request.spec, device="cpu")
        info = super().build(type(request)(**{**vars(request), "spec": spec}))
        return msgspec.structs.replace(info, device=self.device)

    def devices(self):
        return {self.device: "NumPy"}

    def stage(self, batch):
        return Batch(*map(Tensor, batch))

    def train_step(self, batch):
        noise = self.noise * np.random.default_rng().uniform(-1, 1) if self._step else 0.0
        return super().train_step(Batch(*map(_values, batch))) * (1 + noise)

    def gradients(self, batch):
        return super().gradients(Batch(*map(_values, batch)))

    def predict(self, inputs):
        return super().predict(_values(inputs))


def _values(part):
    return part.values if isinstance(part, Tensor) else part


class Moved(Accelerated):
    """Predictions change its losses by more than the order of a sum can."""

    noise = 1e-3


class Drifting(LinearPlugin):
    """Adds noise of its own to the initial values."""

    def build(self, request):
        info = super().build(request)
        self._parameters["bias"] = self._parameters["bias"] + np.random.default_rng().normal(size=1).astype(np.float32)
        return info


class Scribbling(LinearPlugin):
    """Keeps the arrays of the request and trains in them."""

    def build(self, request):
        info = super().build(request)
        self._parameters = {name: np.zeros_like(value) for name, value in self._parameters.items()}
        return info


class Boasting(LinearPlugin):
    def export_parameters(self):
        return super().export_parameters() | {"extra": np.zeros(3, np.float32)}


class Bent(LinearPlugin):
    """Another architecture than the core's."""

    def predict(self, inputs):
        return super().predict(inputs) * np.float32(1.001)


class Unbiased(LinearPlugin):
    """Leaves out its bias, which is zero at first."""

    def predict(self, inputs):
        return inputs @ self._parameters["kernel"]

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss, {**gradients, "bias": np.zeros_like(gradients["bias"])}


class Climbing(LinearPlugin):
    """Goes up the gradient."""

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss, {name: -value for name, value in gradients.items()}


class Remembering(LinearPlugin):
    """Each prediction moves the model."""

    def predict(self, inputs):
        outputs = super().predict(inputs)
        self._parameters["bias"] = self._parameters["bias"] + np.float32(1e-4)
        return outputs


class Noisy(LinearPlugin):
    """Predicts with dropout on."""

    def predict(self, inputs):
        outputs = super().predict(inputs)
        return outputs * (np.random.default_rng().random(outputs.shape) < 0.9).astype(np.float32)


class Escaping(LinearPlugin):
    """Returns the loss at once and goes on working behind the barrier."""

    def train_step(self, batch):
        threading.Thread(target=self._late).start()
        return super().train_step(batch)

    def _late(self):
        time.sleep(0.02)
        end = time.thread_time() + 0.02
        while time.thread_time() < end:
            pass


class Printing(LinearPlugin):
    def train_step(self, batch):
        os.write(2, b"step")  # past whatever stands in for sys.stderr, as a library in C does
        return super().train_step(batch)


class Leaking(LinearPlugin):
    kept: list = []  # noqa: RUF012 (that is the offence)

    def train_step(self, batch):
        self.kept.append(np.ones(1 << 20, np.uint8))
        return super().train_step(batch)


class Hoarding(LinearPlugin):
    """Keeps a little of each prediction."""

    kept: list = []  # noqa: RUF012 (that is the offence)

    def predict(self, inputs):
        self.kept.append(np.ones(136 << 10, np.uint8))
        return super().predict(inputs)


class FallingBack(LinearPlugin):
    """Takes the CPU for whatever device it is asked for, and says so."""

    def build(self, request):
        spec = msgspec.structs.replace(request.spec, device="cpu", precision="fp32")
        return super().build(type(request)(**{**vars(request), "spec": spec}))


class Crashing(LinearPlugin):
    def build(self, request):
        if request.spec.device != "cpu":
            raise KeyError(request.spec.device)
        return super().build(request)


class WrongSlope(LinearPlugin):
    def gradients(self, batch):
        return {name: value * 2 for name, value in super().gradients(batch).items()}


class Stopped(LinearPlugin):
    """No gradient reaches a parameter: the slope along what is left is right."""

    def _differentiate(self, batch):
        loss, gradients = super()._differentiate(batch)
        return loss, {**gradients, "kernel": np.zeros_like(gradients["kernel"])}


class Deaf(LinearPlugin):
    def import_parameters(self, parameters):
        pass


class Lost(LinearPlugin):
    """Knows no device that it could be on."""

    def devices(self):
        return {"gpu:0": "NumPy"}


class Spoiling(LinearPlugin):
    def stage(self, batch):
        return Batch(batch.inputs[::-1], batch.targets)


class Deferring(LinearPlugin):
    """Leaves its update to a device that works on its own, and waits for it at the next call only."""

    working = None

    def train_step(self, batch):
        if self.working is not None:
            self.working.join()
        loss = super().train_step(batch)
        self.working = threading.Thread(target=time.sleep, args=(0.005,))
        self.working.start()
        return loss


class Once(LinearPlugin):
    """Takes the first of several steps, and says that these were all."""

    def train_step(self, batch):
        if not self._several:
            return super().train_step(batch)
        return np.full(len(batch.inputs), self._train(Batch(*(part[0] for part in batch))))


class Caching(LinearPlugin):
    """Copies an array when it first sees it."""

    def build(self, request):
        self._seen = {} if request.spec.data == "host" else None
        return super().build(request)

    def train_step(self, batch):
        if self._seen is None:
            return super().train_step(batch)
        kept = self._seen.setdefault(id(batch.inputs), Batch(*(part.copy() for part in batch)))
        return super().train_step(kept)


class Threaded(LinearPlugin):
    def __init__(self):
        threading.Thread(target=time.sleep, args=(0.5,), daemon=True).start()


OFFENDERS = [
    (Drifting, "build_is_repeatable"),
    (Scribbling, "what_was_read_back_is_true"),
    (Boasting, "what_was_read_back_is_true"),
    (Bent, "outputs_are_the_architecture"),
    (Unbiased, "outputs_are_the_architecture"),
    (Climbing, "the_loss_falls"),
    (Remembering, "predict_changes_nothing"),
    (Noisy, "predict_changes_nothing"),
    (Escaping, "the_barrier_holds"),
    (Printing, "nothing_is_printed"),
    (Leaking, "nothing_leaks"),
    (Hoarding, "nothing_leaks"),
    (FallingBack, "what_is_unsupported_is_raised"),
    (Crashing, "what_is_unsupported_is_raised"),
    (WrongSlope, "gradients_are_the_slope"),
    (Stopped, "gradients_are_the_slope"),
    (Deaf, "parameters_can_be_exchanged"),
    (Spoiling, "staging_keeps_the_batch"),
    (Lost, "devices_are_reported"),
    (Threaded, "import_does_no_work"),
    (Deferring, "no_work_outlives_the_barrier"),
    (Once, "several_steps_are_so_many_single_ones"),
    (Single, "several_steps_are_so_many_single_ones"),
    (Accumulating, "several_steps_are_so_many_single_ones"),
    (Caching, "host_data_is_copied_in_every_step"),
    *OFF_COURSE,
    *UNSETTLED,
]
