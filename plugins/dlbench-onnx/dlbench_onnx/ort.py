"""ONNX Runtime: sessions on an execution provider, with the Spec's threads."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from dlbench.errors import Unsupported
from dlbench.plugin import ModelSource, Setting, Spec
from dlbench_onnx.model import OnnxModel
from dlbench_onnx.runtime import SWITCH, Session

LEVELS = {
    name: getattr(onnxruntime.GraphOptimizationLevel, f"ORT_{word}", None)
    for name, word in (
        ("disable", "DISABLE_ALL"),
        ("basic", "ENABLE_BASIC"),
        ("extended", "ENABLE_EXTENDED"),
        ("layout", "ENABLE_LAYOUT"),
        ("all", "ENABLE_ALL"),
    )
}
"""Levels of graph optimisation; `all` unless a variant names another."""
PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "dnnl": "DnnlExecutionProvider",
    "xnnpack": "XnnpackExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
}
"""Execution providers by the words of the setting; the last two run on a GPU."""
ON_GPU = ("cuda", "tensorrt")
INTER_OP_THREADS = 1
"""One operation at a time: the Spec's threads all work on it, as in the other frameworks."""
_DENORMALS, _SPINNING = "session.set_denormal_as_zero", "session.intra_op.allow_spinning"
_FATAL = 4


class OnnxRuntime:
    """ONNX Runtime, as `dlbench_onnx.runtime.Runtime` describes one."""

    name, title, version = "ort", "ONNX Runtime", onnxruntime.__version__
    package = "onnxruntime"

    def devices(self) -> dict[str, str]:
        """The CPU, and the GPUs of NVIDIA's driver if this build has their provider."""
        cards = sorted(Path("/dev").glob("nvidia[0-9]*")) if _has("cuda") else []
        found = {f"gpu:{card.name.removeprefix('nvidia')}": PROVIDERS["cuda"] for card in cards}
        return {"cpu": platform.processor() or platform.machine()} | found

    def table(self, spec: Spec) -> list[Setting]:
        """Levels, providers and what changes the speed of a session."""
        level = f"ONNX Runtime {self.version} has no such level"
        return [
            Setting(
                key="optimization",
                meaning="level of graph optimisation",
                values=tuple(LEVELS),
                missing={name: level for name, found in LEVELS.items() if found is None},
                read_back="the options of the session",
            ),
            Setting(
                key="provider",
                meaning="execution provider",
                values=tuple(PROVIDERS),
                missing={name: why for name in PROVIDERS if (why := self._lacks(name, spec))},
                read_back="the first provider of the session",
            ),
            Setting(key="spinning", meaning="idle threads spin", values=SWITCH, read_back="the session"),
            Setting(key="arena", meaning="memory from an arena", values=SWITCH, read_back="the session"),
            Setting(
                key="denormals",
                meaning="numbers below the smallest normal one",
                values=("flush", "keep"),
                read_back="the session",
            ),
        ]

    def open(self, file: Path, spec: Spec, device: str, output: str) -> Session:
        """A session. Raises Unsupported for a precision, and for a provider that did not start."""
        gpu = device.startswith("gpu")
        if spec.precision not in ("fp32", *(["tf32"] if gpu else [])):
            raise Unsupported(f"precision {spec.precision}: {self.title} computes in the types of the file, float32")
        word = spec.settings.get("provider", "cuda" if gpu else "cpu")
        if why := self._lacks(word, spec):
            raise Unsupported(f"provider {word}: {why}")
        of_provider = {"device_id": device.removeprefix("gpu:")} if gpu else {}
        of_provider |= {"use_tf32": str(int(spec.precision == "tf32"))} if word == "cuda" else {}
        session = onnxruntime.InferenceSession(str(file), _options(spec), [(PROVIDERS[word], of_provider)])
        if (started := session.get_providers()[0]) != PROVIDERS[word]:
            raise Unsupported(f"provider {word}: {PROVIDERS[word]} does not start here, and {started} is no substitute")
        names = [one.name for one in session.get_inputs()]
        wanted = [output or session.get_outputs()[0].name]
        found = session.get_session_options()
        return Session(
            run=_on_gpu(session, names, wanted, device) if gpu else _on_cpu(session, names, wanted),
            threads=found.intra_op_num_threads,
            precision=_precision(session),
            details={
                "execution provider": ", ".join(session.get_providers()),
                "inter-op threads": str(found.inter_op_num_threads),
                "graph optimization": _settings(session)["optimization"],
                "denormals": {"flush": "flushed to zero", "keep": "kept"}[_settings(session)["denormals"]],
            },
            settings=lambda: _settings(session),
            stage=(lambda array: onnxruntime.OrtValue.ortvalue_from_numpy(array, "cuda", _number(device)))
            if gpu
            else (lambda array: array),
        )

    def _lacks(self, word: str, spec: Spec) -> str:
        """Reason why a provider cannot run this Spec; empty if it can."""
        if not _has(word):
            return f"onnxruntime {self.version} here has {', '.join(onnxruntime.get_available_providers())}"
        if word in ON_GPU and spec.device == "cpu":
            return "it runs on a GPU; add --device gpu"
        return ""


def _has(word: str) -> bool:
    return PROVIDERS[word] in onnxruntime.get_available_providers()


def _number(device: str) -> int:
    return int(device.removeprefix("gpu:"))


def _options(spec: Spec) -> Any:
    asked, options = spec.settings, onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = spec.threads, INTER_OP_THREADS
    options.graph_optimization_level = LEVELS[asked.get("optimization", "all")]
    options.enable_cpu_mem_arena = asked.get("arena", "on") == "on"
    options.log_severity_level = _FATAL
    options.add_session_config_entry(_DENORMALS, str(int(asked.get("denormals", "flush") == "flush")))
    options.add_session_config_entry(_SPINNING, str(int(asked.get("spinning", "on") == "on")))
    return options


def _settings(session: Any) -> dict[str, str]:
    """Values in effect, by the session's own word."""
    found, first = session.get_session_options(), session.get_providers()[0]
    return {
        "optimization": next(name for name, level in LEVELS.items() if level == found.graph_optimization_level),
        "provider": next((word for word, name in PROVIDERS.items() if name == first), first),
        "arena": "on" if found.enable_cpu_mem_arena else "off",
        "denormals": "flush" if found.get_session_config_entry(_DENORMALS) == "1" else "keep",
        "spinning": "on" if found.get_session_config_entry(_SPINNING) == "1" else "off",
    }


def _precision(session: Any) -> str:
    return "tf32" if session.get_provider_options().get(PROVIDERS["cuda"], {}).get("use_tf32") == "1" else "fp32"


def _on_cpu(session: Any, names: Sequence[str], wanted: list[str]) -> Callable[[Sequence[Any]], Any]:
    run = session.run
    if len(names) == 1:
        (name,) = names
        return lambda inputs: run(wanted, {name: inputs[0]})[0]
    return lambda inputs: run(wanted, dict(zip(names, inputs, strict=True)))[0]


def _on_gpu(session: Any, names: Sequence[str], wanted: list[str], device: str) -> Callable[[Sequence[Any]], Any]:
    """Inputs lie on the device, or are copied there; the output is copied back, as with the other frameworks."""

    def run(inputs: Sequence[Any]) -> Any:
        binding = session.io_binding()
        for name, value in zip(names, inputs, strict=True):
            if isinstance(value, onnxruntime.OrtValue):
                binding.bind_ortvalue_input(name, value)
            else:
                binding.bind_cpu_input(name, value)
        binding.bind_output(wanted[0], "cuda", _number(device))
        session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0]

    return run


def plugin() -> OnnxModel:
    """The plugin of an architecture: its name says which."""
    return OnnxModel(OnnxRuntime())


def adapt(source: ModelSource) -> OnnxModel:
    """The plugin of a module of PyTorch or of an ONNX file. Raises SpecError for a file that is none."""
    return OnnxModel(OnnxRuntime(), source)
