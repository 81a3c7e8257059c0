"""A plugin as it should be: the core's `linear` architecture in NumPy, with every capability that a CPU can have.

`DLBENCH_FAKE_JIT="GRAPHS,BREAKS,RECOMPILATIONS[ NAME=VALUE ...]"` makes it accept the path `jit` and report these
counts, of a step that is compiled in all its parts; NAME is another field of `Compilation`, `parts=` says none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET

from dlbench.errors import Unsupported
from dlbench.plugin import PARTS, STEP, Adam, Batch, BuildRequest, Compilation, ModelInfo, Peers, ProfileEvent, Setting
from dlbench.spec import Spec
from dlbench_fake import settings
from dlbench_fake.exchange import FAULT_VARIABLE, Exchange, fault_of

if TYPE_CHECKING:
    from dlbench.plugin import Array

    Arrays = dict[str, Array]

JIT_VARIABLE = "DLBENCH_FAKE_JIT"


class LinearPlugin:
    """`outputs = inputs kernel + bias`, mean squared error, the contract's Adam; all float32."""

    _exchange: Exchange | None = None
    _held = 0
    _adams = "adam"

    def join(self, spec: Spec, peers: Peers) -> None:
        """Connect the workers, or hold all of them: the mean of equal parts is that of the batch."""
        if peers.addresses:
            self._exchange = Exchange(peers)
        else:
            self._held = peers.count

    def weights(self) -> Arrays:
        """The parameters."""
        return self._parameters

    def weights_of_devices(self) -> Iterator[tuple[str, Arrays]]:
        """The parameters for each; those of a worker that drifts are others."""
        for rank in range(self._held):
            drift = np.float32(1e-3 * (fault_of(rank) == "drifts"))
            yield "cpu", {name: value + drift for name, value in self._parameters.items()}

    def leave(self) -> None:
        """Disconnect."""
        assert self._exchange is not None
        self._exchange.close()

    def build(self, request: BuildRequest) -> ModelInfo:
        """Start from the core's parameters, or from zeros for an architecture that the core does not describe."""
        _check(request)
        self._adam, self._step, self._path = request.optimizer, 0, request.spec.path
        self._named = self._adams
        self._several = request.spec.steps_per_call > 1
        given = request.parameters if request.parameters is not None else _zeros(request)
        self._set(request)
        if self._asked.get("wide") == "on":
            given = {**given, "bias": np.zeros(given["bias"].size + 1, np.float32)}
        self._parameters = {name: np.array(value, np.float32) for name, value in given.items()}
        self._moments = [{name: np.zeros_like(value) for name, value in given.items()} for _ in range(2)]
        return ModelInfo(
            parameter_count=sum(value.size for value in given.values()),
            device="cpu",
            precision="fp32",
            path=self._path,
            steps_per_call=request.spec.steps_per_call,
            data=request.spec.data,
            compiler="fake" if self._path == "jit" else None,
            device_name="NumPy",
            versions={"numpy": np.__version__},
        )

    def train_step(self, batch: Batch) -> float | Array:
        """One step of Adam, or one for each batch along the first axis."""
        if self._several:
            return np.array([self._train(Batch(*parts)) for parts in zip(*batch, strict=True)])
        return self._train(batch)

    def _train(self, batch: Batch) -> float:
        loss, gradients = self._differentiate(batch)
        gradients = self._exchange.mean(gradients) if self._exchange is not None else gradients
        self._step += 1
        self._moments = _moments(self._moments, gradients, self._adam)
        for name, change in _changes(self._moments, self._step, self._adam).items():
            self._parameters[name] = self._parameters[name] - change
        return loss

    def predict(self, inputs: Array) -> Array:
        """The outputs."""
        product = settings.product(inputs, self._parameters["kernel"], self._asked)
        return np.asarray(product + self._parameters["bias"][: product.shape[-1]])

    def stage(self, batch: Batch) -> Batch:
        """Contiguous arrays."""
        return Batch(np.ascontiguousarray(batch.inputs), np.ascontiguousarray(batch.targets))

    def gradients(self, batch: Batch) -> Arrays:
        """Gradients of the mean loss, without an update."""
        return self._differentiate(batch)[1]

    def export_parameters(self) -> Arrays:
        """Copies."""
        return {name: value.copy() for name, value in self._parameters.items()}

    def import_parameters(self, parameters: Mapping[str, Array]) -> None:
        """Overwrite; the optimizer's moments stay."""
        self._parameters = {name: np.array(parameters[name], np.float32) for name in self._parameters}

    def instrument(self) -> None:
        """Remember it: the adam of a model that is built so has a name of its own in the profile."""
        self._adams = "kernel of adam"

    def profile(self, step: Callable[[], None]) -> list[ProfileEvent]:
        """Two events in the step: a product of 5/8 of it and an update of 1/4, so that 1/8 is Python's."""
        start = time.perf_counter()
        step()
        seconds = time.perf_counter() - start
        parts = [("product", "matrix product", 0.0, 0.625), (self._named, "optimizer", 0.625, 0.25)]
        events = [ProfileEvent(name=STEP, category="Python", start=start, seconds=seconds)]
        for name, category, first, share in parts:
            found = ProfileEvent(name=name, category=category, start=start + first * seconds, seconds=share * seconds)
            events.append(found)
        return events

    def compilation(self) -> Compilation:
        """The counts of the environment variable on the path `jit`, otherwise zeros."""
        if self._path != "jit":
            return Compilation(graphs=0, breaks=0, recompilations=0)
        counts, *more = os.environ[JIT_VARIABLE].split(" ")
        graphs, breaks, recompilations = map(int, counts.split(","))
        return Compilation(
            graphs=graphs,
            breaks=breaks,
            recompilations=recompilations,
            **{"parts": PARTS} | dict(_field(one) for one in more),
        )

    def multiply(self, order: int) -> Callable[[], Array]:
        """A product of two square matrices."""
        left, right = np.random.default_rng(0).random((2, order, order), np.float32)
        return lambda: np.asarray(left @ right)

    def variables(self) -> list[str]:
        """Variables of this module."""
        return [JIT_VARIABLE, FAULT_VARIABLE]

    def settings(self, spec: Spec) -> list[Setting]:
        """Settings of the fake framework."""
        return settings.table(spec)

    def read_settings(self) -> dict[str, str]:
        """Settings in effect."""
        found = settings.in_effect(self._asked, self._step)
        return found | ({"place": "devices"} if self._held else {})

    def devices(self) -> dict[str, str]:
        """The CPU."""
        return {"cpu": "NumPy"}

    def _set(self, request: BuildRequest) -> None:
        variant = request.spec.variant
        self._asked = dict(variant.settings) if variant is not UNSET else {}
        settings.set_all(self._asked)

    def _differentiate(self, batch: Batch) -> tuple[float, Arrays]:
        error = self.predict(batch.inputs) - batch.targets
        upstream = error * np.float32(2 / error.size)
        return float(np.mean(error**2)), {"kernel": batch.inputs.T @ upstream, "bias": upstream.sum(axis=0)}


def _check(request: BuildRequest) -> None:
    spec: Spec = request.spec
    if spec.device not in ("cpu", "auto"):
        raise Unsupported(f"looked for the device {spec.device}, found cpu only")
    if spec.precision != "fp32":
        raise Unsupported(f"precision {spec.precision}: NumPy computes in fp32 here")
    if spec.path != "eager" and not (spec.path == "jit" and JIT_VARIABLE in os.environ):
        raise Unsupported(f"path {spec.path}: NumPy has eager only")
    if request.signature.loss != "mse":
        raise Unsupported(f"loss {request.signature.loss}: this model trains with mse; choose --task line")


def _field(text: str) -> tuple[str, Any]:
    """`parts=forward+backward`, `reasons=a+b`, `calls=7`, `cache=empty`."""
    name, _, value = text.partition("=")
    return name, int(value) if name == "calls" else value if name == "cache" else tuple(filter(None, value.split("+")))


def _zeros(request: BuildRequest) -> Arrays:
    inputs, outputs = request.signature.inputs.shape[-1], request.signature.outputs.shape[-1]
    return {"kernel": np.zeros((inputs, outputs), np.float32), "bias": np.zeros(outputs, np.float32)}


def _moments(moments: list[Arrays], gradients: Arrays, adam: Adam) -> list[Arrays]:
    def blend(old: Array, new: Array, beta: float) -> Array:
        return np.float32(beta) * old + np.float32(1 - beta) * new

    mean, square = moments
    return [
        {name: blend(mean[name], gradient, adam.beta1) for name, gradient in gradients.items()},
        {name: blend(square[name], gradient * gradient, adam.beta2) for name, gradient in gradients.items()},
    ]


def _changes(moments: list[Arrays], step: int, adam: Adam) -> Arrays:
    """Values to subtract; Python floats are float64, so the two corrections are computed in it."""
    rate = np.float32(adam.learning_rate / (1 - adam.beta1**step))
    correction = np.float32(1 / (1 - adam.beta2**step))
    mean, square = moments
    epsilon = np.float32(adam.epsilon)
    return {name: rate * mean[name] / (np.sqrt(square[name] * correction) + epsilon) for name in mean}
