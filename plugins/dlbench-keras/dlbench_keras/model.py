"""One plugin for every model: the contract's methods as Keras's own compile, train_on_batch and predict_on_batch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Protocol

import keras
import numpy as np

from dlbench import plugin, precision
from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import Array, Batch, BuildRequest, Compilation, Description, ModelInfo, Parameters, Spec
from dlbench.plugin_kit import cpu_name, in_precision, model_info, require_own_precision, require_weights, require_words
from dlbench_keras import backends, optimizers, proof, settings
from dlbench_keras.backends import Backend
from dlbench_keras.names import Names
from dlbench_keras.trained import LOSSES, Made

_MANY_STEPS = {
    "tf": "with steps_per_execution Keras returns the loss of the last step alone, and a Run reads every loss",
    "jax": "Keras's steps_per_execution calls the compiled step again for each on JAX, which is no one call",
    "torch": "Keras has no steps_per_execution on PyTorch",
}
"""Reasons why a backend takes one step a call, by the trainers of Keras 3.15."""
_RESETS = tuple(map(int, keras.__version__.split(".")[:2])) >= (3, 15)
"""True if train_on_batch returns the loss of its own batch; before Keras 3.15 it is the mean since the last reset."""
_READ = {"float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}


class Source(Protocol):
    """The origin of models: an architecture of the core, or the user's own code."""

    def describe(self, spec: Spec) -> Description:
        """Facts of the model for this Spec."""
        ...

    def make(self, request: BuildRequest) -> Made:
        """The model of a request."""
        ...


class KerasModel:
    """A ModelPlugin on one backend of Keras."""

    def __init__(self, backend: Backend, source: Source) -> None:
        self._backend, self._source, self.instrument = backend, source, backend.instrument

    def describe(self, spec: Spec) -> Description:
        """Facts of the model for this Spec."""
        return self._source.describe(spec)

    def build(self, request: BuildRequest) -> ModelInfo:
        """Make and compile the model. Raises Unsupported for a Spec that Keras does not meet on this backend."""
        request = replace(request, spec=in_precision(request.spec))
        spec, self._spec = request.spec, request.spec
        self._require(spec)
        threads = backends.prepare(self._backend, spec)
        settings.start(spec, self._backend)
        self._made = made = self._source.make(request)
        self._proof = proof.make(self._backend, spec)
        self._quiet: Any = None
        self._path = {"run_eagerly": spec.path == "eager", "jit_compile": spec.path == "jit"}
        variables = self._variables = self._model_variables()
        require_weights(spec, variables, made.model.variables)
        optimizer = optimizers.make(request.optimizer, variables)
        self._trained = self._watched(made.trained(optimizer, **self._path))
        self._names = Names(variables, made.model.non_trainable_variables, request.parameters)
        if request.parameters is not None:
            self._names.assign(request.parameters)
        found, advice = self._precision(), "leave dtypes of layers to --precision"
        require_own_precision(spec.plugin, spec.precision, found, "its layers compute in", advice)
        return self._info(threads, f"{optimizers.name(optimizer)} of Keras, {len(variables)} variables")

    def train_step(self, batch: Batch) -> Any:
        """The loss, or both losses of a gan, of Keras's train_on_batch."""
        return self._on_batch(self._trained, batch)

    def predict(self, inputs: Any) -> Any:
        """The outputs of Keras's predict_on_batch."""
        outputs = self._trained.predict_on_batch(self._made.taken(inputs))
        self._proof.called(proof.PREDICT)
        return outputs

    def stage(self, batch: Batch) -> Batch:
        """The batch as tensors of the backend."""
        return Batch(*self._backend.there(keras.tree.map_structure(keras.ops.convert_to_tensor, tuple(batch))))

    def export_parameters(self) -> dict[str, Array]:
        """Copies, by canonical name."""
        return self._names.export()

    def import_parameters(self, parameters: Parameters) -> None:
        """Overwrite; the optimizer's moments and its count of steps stay."""
        self._names.assign(parameters)

    def gradients(self, batch: Batch) -> dict[str, Array]:
        """Gradients on the Spec's path, from a second model over the same layers that computes as in prediction."""
        if self._quiet is None:
            self._recorder = optimizers.Recorder()
            self._recorder.build(self._variables)
            self._quiet = self._watched(self._made.trained(self._recorder, quiet=True, **self._path))
        self._on_batch(self._quiet, batch)
        return self._names.named(self._recorder.seen)

    def compilation(self) -> Compilation:
        """Counts of the backend since `build`."""
        return self._proof.compilation()

    def multiply(self, order: int) -> Callable[[], Any]:
        """Product of two random square matrices, op by op, in the type of the Spec's products."""
        dtype = keras.config.dtype_policy().compute_dtype
        drawn = (keras.random.uniform([order, order], seed=number) for number in range(2))
        left, right = (keras.ops.cast(one, dtype) for one in drawn)
        return lambda: keras.ops.matmul(left, right)

    def profile(self, step: Callable[[], None]) -> list[plugin.ProfileEvent]:
        """Events of the backend's own profiler."""
        return self._backend.profile(step)

    def settings(self, spec: Spec) -> list[plugin.Setting]:
        """Settings of Keras on this backend."""
        return settings.table(spec, self._backend)

    def read_settings(self) -> dict[str, str]:
        """Values in effect."""
        return settings.in_effect(self._precision(), self._backend)

    def devices(self) -> dict[str, str]:
        """The CPU, which these plugins have alone."""
        return {"cpu": cpu_name()}

    def variables(self) -> list[str]:
        """Variables that Keras and its backends read."""
        return backends.NAMES

    def _require(self, spec: Spec) -> None:
        own = self._backend
        require_words(spec, own.framework, paths=own.paths, compiler=own.compiler, precisions=settings.POLICIES)
        if spec.steps_per_call > 1:
            why = _MANY_STEPS[self._backend.word]
            raise Unsupported(f"{spec.steps_per_call} steps a call: {why}; leave --steps-per-call out")
        precision.require(spec.precision)

    def _model_variables(self) -> list[Any]:
        model = self._made.adversaries() if self._made.adversaries is not None else self._made.model
        return list(model.trainable_variables)

    def _frozen(self) -> list[Any]:
        """Variables in floats of a model that trains none."""
        found = self._made.model.variables
        return [one for one in found if "float" in keras.backend.standardize_dtype(one.dtype)]

    def _watched(self, model: Any) -> Any:
        if self._spec.path != "eager":
            for step in (proof.TRAIN, proof.PREDICT):
                self._proof.watch(model, step)
        return model

    def _on_batch(self, model: Any, batch: Batch) -> Any:
        if not _RESETS:
            model.reset_metrics()
        logs = model.train_on_batch(self._made.taken(batch.inputs), batch.targets, return_dict=True)
        self._proof.called(proof.TRAIN)
        if self._made.adversaries is not None:
            return np.array([logs[name] for name in LOSSES])
        if "loss" not in logs:
            raise SpecError(f"{self._spec.plugin}: the model's own train_step returns no loss; return it as 'loss'")
        return logs["loss"]

    def _precision(self) -> str:
        """The types in which layers with parameters compute."""
        layers = [one for one in self._trained._flatten_layers() if one._trainable_variables]
        kinds = {keras.backend.standardize_dtype(one.compute_dtype) for one in layers}
        return "/".join(sorted(_READ.get(kind, kind) for kind in kinds))

    def _info(self, threads: int, optimizer: str) -> ModelInfo:
        backend = self._backend
        details = {"optimizer": optimizer, "step": "train_on_batch", "KERAS_BACKEND": backend.remark}
        return model_info(
            self._spec,
            device="cpu",
            devices=self.devices(),
            compiler=backend.compiler,
            parameter_count=sum(int(np.prod(one.shape)) for one in self._variables or self._frozen()),
            precision=self._precision(),
            threads=threads,
            versions=backend.versions,
            details={name: said for name, said in details.items() if said},
        )
