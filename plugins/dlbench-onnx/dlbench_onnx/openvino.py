"""OpenVINO on a CPU: models compiled for one stream, with the Spec's threads, in float32 unless asked otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

from dlbench import precision
from dlbench.errors import Unsupported
from dlbench.plugin import ModelSource, ProfileEvent, Setting, Spec
from dlbench.plugin_kit import on_off, setting
from dlbench_onnx.export import Exported
from dlbench_onnx.model import OnnxModel
from dlbench_onnx.profiling import Recorder, node
from dlbench_onnx.runtime import DENORMALS, READ_BACK, SAID, Session

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # else its import reports to the maker
import openvino  # noqa: E402

TYPES = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "fp16": openvino.Type.f16}
"""The hint for a precision. Without one OpenVINO may take bfloat16 on a CPU that has it, and says nothing."""
FIRST_RUNS = 2
"""Runs before those of a profile."""
Counted = dict[str, tuple[str, float]]
"""Type and seconds of nodes by name."""
MODES = ("performance", "accuracy")
STREAMS = 1
"""One request at a time: the Spec's threads all work on it, as in the other frameworks."""


class OpenVino:
    """OpenVINO, as `dlbench_onnx.runtime.Runtime` describes a runtime."""

    name, title, package = "openvino", "OpenVINO", "openvino"
    version = openvino.__version__.partition("-")[0]

    def devices(self) -> dict[str, str]:
        """The CPU."""
        return {"cpu": str(openvino.Core().get_property("CPU", "FULL_DEVICE_NAME"))}

    def table(self, spec: Spec) -> list[Setting]:  # noqa: ARG002 (a CPU's are the same for every Spec)
        """Precision, and what changes the speed of a compiled model."""
        kinds = {"bf16": "bf16", "fp16": "fp16"}
        missing = {kind: why for kind in kinds if (why := _lacks(kind))}
        return [
            setting("amp", "INFERENCE_PRECISION_HINT", READ_BACK, ("off", *kinds), missing=missing, rounding=kinds),
            setting("execution", "EXECUTION_MODE_HINT", READ_BACK, MODES),
            setting("pinning", "ENABLE_CPU_PINNING", READ_BACK),
            setting("denormals", "CPU_DENORMALS_OPTIMIZATION", READ_BACK, DENORMALS),
        ]

    def open(self, model: Exported, spec: Spec, device: str) -> Session:
        """A compiled model. Raises Unsupported for a precision that the CPU lacks."""
        if why := _lacks(spec.precision):
            raise Unsupported(f"precision {spec.precision}: {why}")
        compiled, _, run = _opened(model, device, _configuration(spec))
        in_effect = _settings(compiled)
        return Session(
            run=run,
            threads=compiled.get_property("INFERENCE_NUM_THREADS"),
            precision=_precision(compiled),
            details={
                "streams": str(compiled.get_property("NUM_STREAMS")),
                "cores pinned": in_effect["pinning"],
                "denormals": SAID[in_effect["denormals"]],
            },
            settings=lambda: _settings(compiled),
            stage=lambda array: array,
            recorder=partial(_recorder, model, device, {**_configuration(spec), "PERF_COUNT": True}),
        )


def _opened(model: Exported, device: str, configuration: dict[str, Any]) -> tuple[Any, Any, Callable[..., Any]]:
    """A compiled model, a request to it, and the request's function of inputs by place."""
    core = openvino.Core()
    compiled = core.compile_model(core.read_model(model.file), device.upper(), configuration)
    wanted, request, names = compiled.output(model.output), compiled.create_infer_request(), model.inputs
    infer = request.infer
    return compiled, request, lambda inputs: infer(dict(zip(names, inputs, strict=True)), share_inputs=True)[wanted]


def _lacks(kind: str) -> str:
    """Reason why this CPU does not compute in a precision; empty if it does."""
    has: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if kind not in TYPES or kind.upper() not in has:
        return f"OpenVINO finds {', '.join(has)} on this CPU"
    return precision.lacking(kind).get(kind, "")


def _configuration(spec: Spec) -> dict[str, Any]:
    asked = spec.settings
    return {
        "INFERENCE_NUM_THREADS": spec.threads,
        "NUM_STREAMS": STREAMS,
        "INFERENCE_PRECISION_HINT": TYPES[spec.precision],
        "ENABLE_HYPER_THREADING": True,  # else it counts physical cores, and takes fewer threads than it is given
        "ENABLE_CPU_PINNING": asked.get("pinning", "off") == "on",  # dlbench chooses the processors
        "EXECUTION_MODE_HINT": asked.get("execution", "performance").upper(),
        "CPU_DENORMALS_OPTIMIZATION": asked.get("denormals", "flush") == "flush",
    }


def _precision(compiled: Any) -> str:
    found = compiled.get_property("INFERENCE_PRECISION_HINT")
    return next((name for name, kind in TYPES.items() if kind == found), str(found))


def _settings(compiled: Any) -> dict[str, str]:
    """Values in effect, by the compiled model's own word."""
    kind = _precision(compiled)
    return {
        "amp": "off" if kind == "fp32" else kind,
        "execution": str(compiled.get_property("EXECUTION_MODE_HINT")).rpartition(".")[2].lower(),
        "pinning": on_off(compiled.get_property("ENABLE_CPU_PINNING")),
        "denormals": DENORMALS[not compiled.get_property("CPU_DENORMALS_OPTIMIZATION")],
    }


def _recorder(model: Exported, device: str, counting: dict[str, Any], example: Sequence[Any]) -> Recorder:
    """A request with performance counters, which tell the mean of all runs; the first ones are taken out of it."""
    _, request, run = _opened(model, device, counting)
    for _ in range(FIRST_RUNS):
        run(example)
    before = _counted(request)

    def nodes(runs: Sequence[float]) -> list[list[ProfileEvent]]:
        return _nodes(before, _counted(request), runs)

    return Recorder(run, nodes)


def _counted(request: Any) -> Counted:
    """Type, and seconds of a run in the mean of all so far, of each node that was executed."""
    executed = [one for one in request.get_profiling_info() if str(one.status) == "Status.EXECUTED"]
    return {one.node_name: (one.node_type, one.real_time.total_seconds()) for one in executed}


def _nodes(before: Counted, after: Counted, runs: Sequence[float]) -> list[list[ProfileEvent]]:
    """The nodes of each run one after the other, in the order of execution: OpenVINO tells no starts.

    It tells the mean of all runs alone: each run has its share by its own seconds, as one that was interrupted may have
    taken the time of several.
    """
    many = FIRST_RUNS + len(runs)
    took = [(kind, mean * many - before.get(name, ("", mean))[1] * FIRST_RUNS) for name, (kind, mean) in after.items()]
    return [list(_one_after_the_other(took, run / sum(runs))) for run in runs]


def _one_after_the_other(took: Sequence[tuple[str, float]], share: float) -> Iterator[ProfileEvent]:
    start = 0.0
    for kind, seconds in took:
        yield node(kind, start, max(0.0, seconds) * share)
        start += max(0.0, seconds) * share


def adapt(source: ModelSource | None = None) -> OnnxModel:
    """The plugin of a module of PyTorch or of an ONNX file; without either of an architecture: its name says which."""
    return OnnxModel(OpenVino(), source)


plugin = adapt
