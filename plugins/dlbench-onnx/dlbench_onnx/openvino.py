"""OpenVINO on a CPU: models compiled for one stream, with the Spec's threads, in float32 unless asked otherwise."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import openvino

from dlbench import precision
from dlbench.errors import Unsupported
from dlbench.plugin import ModelSource, Setting, Spec
from dlbench_onnx.model import OnnxModel
from dlbench_onnx.runtime import SWITCH, Session

TYPES = {"fp32": openvino.Type.f32, "bf16": openvino.Type.bf16, "fp16": openvino.Type.f16}
"""The hint for a precision. Without one OpenVINO takes bfloat16 on a CPU that has it, and says nothing."""
MODES = {"performance": "PERFORMANCE", "accuracy": "ACCURACY"}
STREAMS = 1
"""One request at a time: the Spec's threads all work on it, as in the other frameworks."""


class OpenVino:
    """OpenVINO, as `dlbench_onnx.runtime.Runtime` describes a runtime."""

    name, title = "openvino", "OpenVINO"
    version = openvino.__version__.partition("-")[0]
    package = "openvino"

    def devices(self) -> dict[str, str]:
        """The CPU."""
        return {"cpu": str(openvino.Core().get_property("CPU", "FULL_DEVICE_NAME"))}

    def table(self, spec: Spec) -> list[Setting]:  # noqa: ARG002 (as of any runtime)
        """Precision, and what changes the speed of a compiled model."""
        read_back = "the compiled model"
        return [
            Setting(
                key="amp",
                meaning="INFERENCE_PRECISION_HINT",
                values=("off", "bf16", "fp16"),
                missing={kind: why for kind in ("bf16", "fp16") if (why := _lacks(kind))},
                rounding={"bf16": "bf16", "fp16": "fp16"},
                read_back=read_back,
            ),
            Setting(key="execution", meaning="EXECUTION_MODE_HINT", values=tuple(MODES), read_back=read_back),
            Setting(key="pinning", meaning="ENABLE_CPU_PINNING", values=SWITCH, read_back=read_back),
            Setting(
                key="denormals",
                meaning="CPU_DENORMALS_OPTIMIZATION",
                values=("flush", "keep"),
                read_back=read_back,
            ),
        ]

    def open(self, file: Path, spec: Spec, device: str, output: str) -> Session:
        """A compiled model. Raises Unsupported for a precision that the CPU lacks."""
        if why := _lacks(spec.precision):
            raise Unsupported(f"precision {spec.precision}: {why}")
        core = openvino.Core()
        compiled = core.compile_model(core.read_model(file), device.upper(), _configuration(spec))
        wanted = compiled.output(output) if output else compiled.output(0)
        infer = compiled.create_infer_request().infer
        in_effect = _settings(compiled)
        return Session(
            run=lambda inputs: infer(list(inputs), share_inputs=True)[wanted],
            threads=compiled.get_property("INFERENCE_NUM_THREADS"),
            precision=_precision(compiled),
            details={
                "streams": str(compiled.get_property("NUM_STREAMS")),
                "cores pinned": in_effect["pinning"],
                "performance hint": str(compiled.get_property("PERFORMANCE_HINT")).rpartition(".")[2].lower(),
                "denormals": {"flush": "flushed to zero", "keep": "kept"}[in_effect["denormals"]],
            },
            settings=lambda: _settings(compiled),
        )


def _lacks(kind: str) -> str:
    """Reason why this CPU does not compute in a precision; empty if it does."""
    word = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16"}.get(kind, "")
    has: list[str] = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    if not word or word not in has:
        return f"OpenVINO finds {', '.join(has)} on this CPU"
    try:
        precision.require(kind)
    except Unsupported as error:
        return str(error)
    return ""


def _configuration(spec: Spec) -> dict[str, Any]:
    asked = spec.settings
    return {
        "INFERENCE_NUM_THREADS": spec.threads,
        "NUM_STREAMS": STREAMS,
        "INFERENCE_PRECISION_HINT": TYPES[spec.precision],
        "ENABLE_HYPER_THREADING": True,  # else it counts physical cores, and takes fewer threads than it is given
        "ENABLE_CPU_PINNING": asked.get("pinning", "off") == "on",  # dlbench chooses the processors
        "EXECUTION_MODE_HINT": MODES[asked.get("execution", "performance")],
        "CPU_DENORMALS_OPTIMIZATION": asked.get("denormals", "flush") == "flush",
    }


def _precision(compiled: Any) -> str:
    found = compiled.get_property("INFERENCE_PRECISION_HINT")
    return next((name for name, kind in TYPES.items() if kind == found), str(found))


def _settings(compiled: Any) -> Mapping[str, str]:
    """Values in effect, by the compiled model's own word."""
    kind = _precision(compiled)
    return {
        "amp": "off" if kind == "fp32" else kind,
        "execution": str(compiled.get_property("EXECUTION_MODE_HINT")).rpartition(".")[2].lower(),
        "pinning": "on" if compiled.get_property("ENABLE_CPU_PINNING") else "off",
        "denormals": "flush" if compiled.get_property("CPU_DENORMALS_OPTIMIZATION") else "keep",
    }


def plugin() -> OnnxModel:
    """The plugin of an architecture: its name says which."""
    return OnnxModel(OpenVino())


def adapt(source: ModelSource) -> OnnxModel:
    """The plugin of a module of PyTorch or of an ONNX file. Raises SpecError for a file that is none."""
    return OnnxModel(OpenVino(), source)
