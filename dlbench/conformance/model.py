"""A model under examination: built as a run builds it, stepped on chosen batches, and its state read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from dlbench.errors import ContractViolation, DlbenchError, words
from dlbench.measure import phases
from dlbench.measure.build import batch_of_call, build_checked, prepare, stage
from dlbench.measure.divergence import to_numbers
from dlbench.parity.probe import without_dropout
from dlbench.plugin import Adam, Batch, BuildRequest, ExchangesParameters, ModelInfo, ModelPlugin
from dlbench.registry import adaptors
from dlbench.spec import Spec
from dlbench.tasks import Task

TELLING = Adam(learning_rate=0.0026, beta1=0.8, beta2=0.7, epsilon=0.1)
"""The optimizer of every model under examination: none of these is near a library's default.

A beta2 near one weighs the few gradients of an examination almost alike, whatever it is. Epsilon is as large as
gradients are, so that its place shows in every update. One step moves a parameter by 0.0026 at most, and by 0.026 of a
small gradient.
"""
ROUGHER = 4
"""Times by which an accelerator's outputs may be further off: its libraries approximate tanh (cuDNN: 8e-6 was seen)."""


class Broken(DlbenchError):
    """A clause of the contract that does not hold; the message describes the observation."""


class NotLookedAt(DlbenchError):
    """A clause that cannot be examined on this plugin and path; the message says why."""


def require(holds: bool, otherwise: str) -> None:
    """Raise Broken with this message unless it holds."""
    if not holds:
        raise Broken(otherwise)


@dataclass
class Model:
    """One built plugin with its task."""

    plugin: ModelPlugin
    task: Task
    request: BuildRequest
    info: ModelInfo
    observed: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def build(cls, spec: Spec, *, dropout: bool = True, optimizer: Adam = TELLING) -> Model:
        """A fresh instance. Raises the plugin's exceptions, and ContractViolation if it read back something else."""
        prepared = prepare(spec, adaptors.load_plugin(spec))
        request = replace(prepared.request, optimizer=optimizer)
        request = request if dropout else without_dropout(request)
        return cls(prepared.plugin, prepared.task, request, build_checked(prepared.plugin, request))

    def batch(self, call: int) -> Batch:
        """Batch of a call of `train_step`, staged."""
        return self.stage(batch_of_call(self.task, self.request.spec, call))

    def stage(self, batch: Batch) -> Batch:
        """The batch as the plugin wants it."""
        return stage(self.plugin, self.request.spec, batch)

    def train(self, batch: Batch) -> Any:
        """The loss or losses of one call, float64. Raises ContractViolation for what is no number."""
        result = self.plugin.train_step(batch)
        try:
            return np.array(to_numbers(result), np.float64)
        except (TypeError, ValueError) as error:
            got = f"{words.type_name(result)} {words.shown(result)}"
            said = f"train_step must return a loss that float() accepts, got {got}"
            raise ContractViolation(said, "returned") from error

    @property
    def trains(self) -> bool:
        """True unless the plugin has no phase that trains: its steps are predictions then."""
        return self.request.spec.trains

    @property
    def call(self) -> Callable[[Batch], Any]:
        """One step of its phase, the result not read."""
        plugin = self.plugin
        return plugin.train_step if self.trains else lambda batch: plugin.predict(batch.inputs)

    def step(self, batch: Batch) -> Any:
        """The loss or losses of one step, or its outputs in a phase that does not train."""
        return self.train(batch) if self.trains else np.array(self.plugin.predict(batch.inputs))

    def outputs(self, step: int = 0) -> Any:
        """Predictions for the batch of a step, copied."""
        inputs = self.stage(self.task.batch(self.request.spec.seed, step)).inputs
        return np.array(self.plugin.predict(inputs), copy=True)

    def parameters(self) -> dict[str, Any]:
        """Parameters that the plugin exports; empty if it cannot. Raises ContractViolation for none by name."""
        if not isinstance(self.plugin, ExchangesParameters):
            return {}
        found: object = self.plugin.export_parameters()
        if not isinstance(found, Mapping):
            raise ContractViolation(f"export_parameters() must return arrays by name, got {words.shown(found)}")
        return dict(found)


class ModelsUnderTest:
    """The few models that all clauses share: building and compiling takes longer than looking.

    Models are used one after the other: frameworks draw dropout from a state that two models would share. A model that
    could not be built is not tried again: each clause that wants it meets the same error.
    """

    STEPS = 5

    def __init__(self, spec: Spec) -> None:
        self._asked = spec
        self.built = False
        self._made: dict[str, Any] = {}

    @cached_property
    def spec(self) -> Spec:
        """The Spec under examination, in a phase that the plugin has."""
        return phases.possible(self._asked, adaptors.load_plugin(self._asked))

    @property
    def plain(self) -> Model:
        """Trained for some steps, its first outputs and its losses kept in `observed`."""
        return self._once("plain", self._plain)

    @property
    def again(self) -> Model:
        """Built from the same request, and trained alike with two predictions before every step."""
        return self._once("again", lambda: self._watched(dropout=True))

    @property
    def other(self) -> Model:
        """Built with another seed."""
        spec = msgspec.structs.replace(self.spec, seed=self.spec.seed + 1)
        return self._once("other", lambda: Model.build(spec))

    @property
    def exact(self) -> Model:
        """The model `again` without dropout; one more build only if there is dropout."""
        if self.spec.model is None and not getattr(self.again.request.configuration, "dropout", 0.0):
            return self.again
        return self._once("exact", lambda: self._watched(dropout=False))

    def _plain(self) -> Model:
        model = Model.build(self.spec)
        self.built = True
        model.observed["parameters"] = model.parameters()
        model.observed["outputs"] = model.outputs()
        steps = range(self.STEPS) if model.trains else ()
        model.observed["losses"] = [model.train(model.batch(step)) for step in steps]
        return model

    def _watched(self, *, dropout: bool) -> Model:
        """Model with the first parameters, and predictions, loss and new parameters of each step, in `observed`."""
        model = Model.build(self.spec, dropout=dropout)
        seen: dict[str, Any] = {"parameters": model.parameters(), "predictions": [], "losses": [], "course": []}
        for step in range(self.STEPS):
            seen["predictions"].append([model.outputs(step), model.outputs(step)])
            if model.trains:
                seen["losses"].append(model.train(model.batch(step)))
                seen["course"].append(model.parameters())
        model.observed = seen
        return model

    def _once(self, name: str, make: Callable[[], Model]) -> Model:
        """Result of the first call of `make`, or the error that it or the plain model raised then."""
        if name not in self._made:
            try:
                self._made[name] = make() if name == "plain" or self.plain else None
            except Exception as error:
                self._made[name] = error
        found = self._made[name]
        if isinstance(found, Exception):
            raise found
        assert isinstance(found, Model)
        return found
