"""One class for every model and both runtimes: the contract's methods and capabilities, for prediction alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata
from typing import TYPE_CHECKING, Any, NoReturn

from dlbench.errors import Unsupported
from dlbench.plugin import Batch, BuildRequest, ModelInfo, ModelSource, PhaseName, Setting, Spec
from dlbench.plugin_kit import in_precision, resolve_device
from dlbench_onnx.export import Exported, exported

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters
    from dlbench_onnx.runtime import Runtime

PACKAGES = ("dlbench-onnx", "dlbench-torch", "onnxscript", "torch")


class OnnxModel:
    """A ModelPlugin around a runtime: of a core's architecture, or of the user's own model."""

    def __init__(self, runtime: Runtime, source: ModelSource | None = None) -> None:
        self._runtime, self._source = runtime, source

    def missing_phases(self) -> Mapping[PhaseName, str]:
        """Training in either form."""
        why = f"{self._runtime.title} runs finished models and trains none"
        return {"train": why, "converge": why}

    def build(self, request: BuildRequest) -> ModelInfo:
        """Export the model, or take the file, and open it."""
        spec = in_precision(request.spec)
        if spec.path != "graph":
            raise Unsupported(
                f"path {spec.path}: {self._runtime.title} runs a whole graph, kernel by kernel; add --path graph"
            )
        self._device = resolve_device(
            spec.device, self._runtime.devices(), f"{self._runtime.title} {self._runtime.version}"
        )
        self._request = replace(request, spec=spec)
        self._open(exported(request))
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
        """The parameters that the file was exported with, by canonical name."""
        return self._model.parameters()

    def import_parameters(self, parameters: Parameters) -> None:
        """Export the model again with these parameters, and open it."""
        self._open(exported(self._request, dict(parameters)))

    def settings(self, spec: Spec) -> list[Setting]:
        """Those of the runtime."""
        return self._runtime.table(spec)

    def read_settings(self) -> Mapping[str, str]:
        """Values in effect, by the runtime's own word."""
        return self._session.settings()

    def devices(self) -> dict[str, str]:
        """Device words with a description each."""
        return self._runtime.devices()

    def _open(self, model: Exported) -> None:
        self._model = model
        self._session = self._runtime.open(model.file, self._request.spec, self._device, model.output)
        self._run = self._session.run

    def _info(self) -> ModelInfo:
        spec, session = self._request.spec, self._session
        return ModelInfo(
            parameter_count=self._model.parameter_count,
            device=self._device,
            precision=session.precision,
            path="graph",
            threads=session.threads,
            data=spec.data,
            device_name=self.devices()[self._device],
            versions={name: metadata.version(name) for name in PACKAGES}
            | {self._runtime.package: self._runtime.version},
            details={**session.details, **(self._model.details or {})},
        )
