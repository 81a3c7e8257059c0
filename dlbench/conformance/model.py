"""A model under examination: built as a run builds it, stepped on chosen batches, and asked what it holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import msgspec
import numpy as np

from dlbench import registry
from dlbench.course import numbers
from dlbench.errors import DlbenchError
from dlbench.plugin import Batch, BuildRequest, ExchangesParameters, ModelInfo, ModelPlugin
from dlbench.prepare import batch_of_call, build_checked, prepare, stage
from dlbench.probe import without_dropout
from dlbench.spec import Spec
from dlbench.tasks import Task


class Broken(DlbenchError):
    """A clause of the contract that does not hold; the message says what was seen."""


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
    def build(cls, spec: Spec, *, dropout: bool = True) -> Model:
        """A fresh instance. Raises what the plugin raises, and ContractViolation where it read back something else."""
        prepared = prepare(spec, registry.load(spec.plugin))
        request = prepared.request if dropout else without_dropout(prepared.request)
        return cls(prepared.plugin, prepared.task, request, build_checked(prepared.plugin, request))

    def batch(self, call: int) -> Batch:
        """What a call of `train_step` gets, staged."""
        return self.stage(batch_of_call(self.task, self.request.spec, call))

    def stage(self, batch: Batch) -> Batch:
        """As the plugin wants it."""
        return stage(self.plugin, self.request.spec, batch)

    def train(self, batch: Batch) -> Any:
        """The loss or losses of one call, float64."""
        return np.array(numbers(self.plugin.train_step(batch)), np.float64)

    def outputs(self, step: int = 0) -> Any:
        """Predictions for the batch of a step, copied."""
        inputs = self.stage(self.task.batch(self.request.spec.seed, step)).inputs
        return np.array(self.plugin.predict(inputs), copy=True)

    def parameters(self) -> dict[str, Any]:
        """What the plugin exports; empty where it cannot."""
        return dict(self.plugin.export_parameters()) if isinstance(self.plugin, ExchangesParameters) else {}


class Session:
    """The few models that all clauses share: building and compiling takes longer than looking.

    Models are used one after the other: frameworks draw dropout from a state that two models would share.
    """

    STEPS = 5

    def __init__(self, spec: Spec) -> None:
        self.spec = spec

    @cached_property
    def plain(self) -> Model:
        """Trained for some steps, its first outputs and its losses kept in `observed`."""
        model = Model.build(self.spec)
        model.observed["parameters"] = model.parameters()
        model.observed["outputs"] = model.outputs()
        model.observed["losses"] = [model.train(model.batch(step)) for step in range(self.STEPS)]
        return model

    @cached_property
    def again(self) -> Model:
        """Built from the same request, and trained alike with two predictions before every step."""
        model = Model.build(self.spec)
        model.observed["parameters"] = model.parameters()
        model.observed["predictions"] = [[model.outputs(), model.outputs()]]
        model.observed["losses"] = []
        for step in range(self.STEPS):
            model.observed["losses"].append(model.train(model.batch(step)))
            model.observed["predictions"].append([model.outputs(step), model.outputs(step)])
        return model

    @cached_property
    def other(self) -> Model:
        """Built with another seed."""
        return Model.build(msgspec.structs.replace(self.spec, seed=self.spec.seed + 1))

    @cached_property
    def exact(self) -> Model:
        """Without dropout; its first parameters are kept in `observed`. One more build only where there is dropout."""
        if not getattr(self.again.request.configuration, "dropout", 0.0):
            return self.again
        model = Model.build(self.spec, dropout=False)
        model.observed["parameters"] = model.parameters()
        return model
