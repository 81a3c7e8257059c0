"""One class for every model and both runtimes: the contract's methods and capabilities, for prediction alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import msgspec
import numpy as np

from dlbench import plugin
from dlbench.errors import Unsupported
from dlbench.plugin import Array, ArraySpec, Batch, BuildRequest, Description, ModelInfo, ModelSource, Parameters, Spec
from dlbench.plugin_kit import in_precision, model_info, resolve_device, unsupported_by, versions_of
from dlbench_onnx import profiling
from dlbench_onnx.export import Exported, exported
from dlbench_onnx.runtime import Runtime, Session

PATHS: tuple[plugin.Path, ...] = ("graph",)
"""A whole graph, run kernel by kernel: neither runtime shows one compiled program, as the path jit must."""
PACKAGES = ("dlbench-onnx", "dlbench-torch", "onnxscript", "torch")


class OnnxModel:
    """A ModelPlugin around a runtime: of a core's architecture, or of the user's own model."""

    def __init__(self, runtime: Runtime, source: ModelSource | None = None) -> None:
        self._runtime, self._source = runtime, source
        self._file = source is not None and source.reference.startswith("onnx:")

    def missing_phases(self) -> Mapping[plugin.PhaseName, str]:
        """Training in either form."""
        why = f"{self._runtime.title} runs finished models and trains none"
        return {"train": why, "converge": why}

    def build(self, request: BuildRequest) -> ModelInfo:
        """Export the model, or read its file, and open it."""
        spec, title = in_precision(request.spec), self._runtime.title
        if spec.path not in PATHS:
            raise Unsupported(f"path {spec.path}: {title} runs a whole graph, kernel by kernel; choose graph")
        self._device = resolve_device(spec.device, self._runtime.devices(), f"{title} {self._runtime.version}")
        self._spec, self._signature = spec, request.signature
        self._open(self._read(request) if self._file else exported(request))
        return self._info()

    def train_step(self, batch: Batch) -> NoReturn:  # noqa: ARG002 (the contract's)
        """Nothing: the phases that train are missing."""
        raise Unsupported(f"{self._runtime.title} trains no model")

    def predict(self, inputs: Any) -> Array:
        """The outputs."""
        found: Array = self._run(inputs if isinstance(inputs, tuple) else (inputs,))
        return found

    def stage(self, batch: Batch) -> Batch:
        """The batch with its inputs on the device; on a CPU the arrays as they are."""
        put, inputs = self._session.stage, batch.inputs
        return Batch(tuple(map(put, inputs)) if isinstance(inputs, tuple) else put(inputs), batch.targets)

    def export_parameters(self) -> dict[str, Array]:
        """The parameters that the file holds, by canonical name."""
        return self._model.parameters()

    def import_parameters(self, parameters: Parameters) -> None:
        """Make the file again with these parameters, and open it."""
        self._open(self._model.having(parameters))

    def describe(self, spec: Spec) -> Description:
        """Facts of the module by PyTorch's plugin, or of the file by its own signature."""
        if self._source is None:
            return Description(framework=self._runtime.name, paths=PATHS)
        if self._file:
            return self._described(spec, self._source)
        from dlbench_torch.adaptors import torch as adapt  # in a process that describes, and measures nothing

        return msgspec.structs.replace(adapt(self._source).describe(spec), framework=self._runtime.name, paths=PATHS)

    def flops(self, batch: Batch) -> float | None:  # noqa: ARG002 (counted for the same batch before the export)
        """FLOPs of the forward pass by PyTorch's count; None of a file."""
        return self._model.flops

    def profile(self, step: Callable[[], None]) -> list[plugin.ProfileEvent]:
        """Nodes of the runs of a second session, by the runtime's own account."""

        def recorded(run: Callable[[Any], Any]) -> None:
            self._run = run
            try:
                step()
            finally:
                self._run = self._session.run

        arrays = (self._signature.inputs, *self._signature.further)
        example = [self._session.stage(np.zeros(one.shape, one.dtype)) for one in arrays]
        return list(profiling.events(self._runtime.title, self._session.recorder(example), recorded))

    def settings(self, spec: Spec) -> list[plugin.Setting]:
        """Those of the runtime."""
        return self._runtime.table(spec)

    def read_settings(self) -> Mapping[str, str]:
        """Values in effect, by the runtime's own word."""
        return self._session.settings()

    def devices(self) -> dict[str, str]:
        """Device words with a description each."""
        return self._runtime.devices()

    def _read(self, request: BuildRequest) -> Exported:
        from dlbench_onnx import files  # with the package onnx, which nothing else has a use for

        assert self._source is not None
        model = files.read(self._source.reference, request.signature.names, self._source.output)
        files.require_fit(model, self._source.reference, (request.signature.inputs, *request.signature.further))
        return model

    def _described(self, spec: Spec, source: ModelSource) -> Description:
        """Inputs and output by the file's signature; what it leaves open as given, and as a call on zeros shows."""
        from dlbench_onnx import files

        own, outputs = files.stated(source.reference, source.output)
        inputs, loss = source.inputs or own, "" if source.targets else "mse"  # a loss that takes outputs of any form
        said = Description(framework=self._runtime.name, paths=PATHS, inputs=inputs, outputs=outputs, loss=loss)
        if not inputs or outputs is not None:
            return said
        names = tuple(one.name for one in inputs) if all(one.name for one in inputs) else ()
        self._spec, self._device = msgspec.structs.replace(spec, path="graph"), "cpu"
        model = files.read(source.reference, names, source.output)
        files.require_fit(model, source.reference, inputs)
        self._open(model)
        output = self.predict(tuple(np.zeros(one.shape, one.dtype) for one in inputs))
        return msgspec.structs.replace(said, outputs=ArraySpec(np.shape(output), "float32"))

    def _open(self, model: Exported) -> None:
        """Open a model. Raises Unsupported with the runtime's own reason if it cannot."""
        with unsupported_by(f"{self._runtime.title} {self._runtime.version} cannot run this model"):
            self._session: Session = self._runtime.open(model, self._spec, self._device)
        self._model, self._run = model, self._session.run

    def _info(self) -> ModelInfo:
        session, runtime = self._session, self._runtime
        return model_info(
            self._spec,
            device=self._device,
            devices=self.devices(),
            versions=versions_of(*PACKAGES) | {runtime.package: runtime.version},
            parameter_count=self._model.parameter_count,
            precision=session.precision,
            threads=session.threads,
            details={**session.details, **self._model.details},
        )
