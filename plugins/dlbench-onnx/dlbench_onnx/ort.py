"""ONNX Runtime: sessions on an execution provider, with the Spec's threads."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import onnxruntime

from dlbench.errors import Unsupported
from dlbench.plugin import ModelSource, ProfileEvent, Setting, Spec
from dlbench.plugin_kit import cpu_name, on_off, setting
from dlbench_onnx.export import Exported
from dlbench_onnx.model import OnnxModel
from dlbench_onnx.profiling import Recorder, node
from dlbench_onnx.runtime import DENORMALS, READ_BACK, SAID, Session

_WORDS = {"disable": "DISABLE_ALL"} | {one: f"ENABLE_{one.upper()}" for one in ("basic", "extended", "layout", "all")}
LEVELS = {name: onnxruntime.GraphOptimizationLevel.__members__.get(f"ORT_{word}") for name, word in _WORDS.items()}
"""Levels of graph optimisation; `all` unless a variant names another."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "dnnl": "DnnlExecutionProvider", "cuda": "CUDAExecutionProvider"}
"""Execution providers by the words of the setting."""
INTER_OP_THREADS = 1
"""One operation at a time: the Spec's threads all work on it, as in the other frameworks."""
_FLUSH, _SPIN = "session.set_denormal_as_zero", "session.intra_op.allow_spinning"
_STOP = "session.force_spinning_stop"
_FATAL_ALONE = 4


class OnnxRuntime:
    """ONNX Runtime, as `dlbench_onnx.runtime.Runtime` describes one."""

    name, title, package, version = "ort", "ONNX Runtime", "onnxruntime", onnxruntime.__version__

    def devices(self) -> dict[str, str]:
        """The CPU, and the GPUs of NVIDIA's driver if this build has their provider."""
        cards = sorted(Path("/dev").glob("nvidia[0-9]*")) if not _lacks("cuda") else []
        found = {card.name.replace("nvidia", "gpu:"): PROVIDERS["cuda"] for card in cards}
        return {"cpu": cpu_name()} | found

    def table(self, spec: Spec) -> list[Setting]:
        """Levels, providers and what changes the speed of a session."""
        levels = {name: f"onnxruntime {self.version} lacks it" for name, level in LEVELS.items() if level is None}
        missing = {word: why for word in PROVIDERS if (why := _lacks(word, spec))}
        return [
            setting("optimization", "level of graph optimisation", READ_BACK, LEVELS, missing=levels),
            setting("provider", "execution provider", READ_BACK, PROVIDERS, missing=missing),
            setting("spinning", "threads spin while they wait", READ_BACK),
            setting("arena", "memory from an arena", READ_BACK),
            setting("denormals", "numbers below the smallest normal one", READ_BACK, DENORMALS),
        ]

    def open(self, model: Exported, spec: Spec, device: str) -> Session:
        """A session. Raises Unsupported for a precision, and for a provider that did not start."""
        gpu, number = device != "cpu", int(device.partition(":")[2] or 0)
        if spec.precision not in ("fp32", *(["tf32"] if gpu else [])):
            raise Unsupported(f"precision {spec.precision}: ONNX Runtime has the types of the file, float32 here")
        word = spec.settings.get("provider", "cuda" if gpu else "cpu")
        of_cuda = {"device_id": str(number), "use_tf32": str(int(spec.precision == "tf32"))}
        providers = [(PROVIDERS[word], of_cuda if word == "cuda" else {})]
        start = partial(onnxruntime.InferenceSession, str(model.file), providers=providers)
        session = start(_options(spec))
        if (started := session.get_providers()[0]) != PROVIDERS[word]:
            raise Unsupported(f"provider {word} does not start here, and {started} would run in its place")
        found, in_effect = session.get_session_options(), _settings(session)
        tf32 = session.get_provider_options().get(PROVIDERS["cuda"], {}).get("use_tf32") == "1"
        to_gpu = partial(onnxruntime.OrtValue.ortvalue_from_numpy, device_type="cuda", device_id=number)
        return Session(
            run=_running(model, number, session, gpu=gpu),
            threads=found.intra_op_num_threads,
            precision="tf32" if tf32 else "fp32",
            details={
                "execution providers": ", ".join(session.get_providers()),
                "graph optimization": in_effect["optimization"],
                "inter-op threads": str(found.inter_op_num_threads),
                "denormals": SAID[in_effect["denormals"]],
            },
            settings=lambda: _settings(session),
            stage=to_gpu if gpu else lambda array: array,
            recorder=partial(_recorder, start, _options(spec), partial(_running, model, number, gpu=gpu)),
        )


def _lacks(word: str, spec: Spec | None = None) -> str:
    """Reason why this build, or a Spec's device, has no such provider; empty if it has."""
    built_in = onnxruntime.get_available_providers()
    if PROVIDERS[word] not in built_in:
        return f"onnxruntime {onnxruntime.__version__} here was built with {', '.join(built_in)}"
    return "it runs on a GPU; add --device gpu" if word == "cuda" and spec and spec.device == "cpu" else ""


def _options(spec: Spec) -> Any:
    asked, options = spec.settings, onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = spec.threads, INTER_OP_THREADS
    options.graph_optimization_level = LEVELS[asked.get("optimization", "all")]
    options.enable_cpu_mem_arena = asked.get("arena", "on") == "on"
    options.log_severity_level = _FATAL_ALONE
    options.add_session_config_entry(_FLUSH, str(int(asked.get("denormals", "flush") == "flush")))
    options.add_session_config_entry(_STOP, "1")  # else threads spin on after a run, through the turns of others
    options.add_session_config_entry(_SPIN, str(int(asked.get("spinning", "on") == "on")))
    return options


def _settings(session: Any) -> dict[str, str]:
    """Values in effect, by the session's own word."""
    found, first = session.get_session_options(), session.get_providers()[0]
    return {
        "optimization": next(name for name, level in LEVELS.items() if level == found.graph_optimization_level),
        "provider": next((word for word, name in PROVIDERS.items() if name == first), first),
        "spinning": on_off(found.get_session_config_entry(_SPIN) == "1"),
        "arena": on_off(found.enable_cpu_mem_arena),
        "denormals": DENORMALS[found.get_session_config_entry(_FLUSH) != "1"],
    }


def _running(model: Exported, number: int, session: Any, *, gpu: bool) -> Callable[[Sequence[Any]], Any]:
    return _on_gpu(session, model, number) if gpu else _on_cpu(session.run, model)


def _on_cpu(run: Callable[..., Any], model: Exported) -> Callable[[Sequence[Any]], Any]:
    names, wanted = model.inputs, [model.output]
    return lambda inputs: run(wanted, dict(zip(names, inputs, strict=True)))[0]


def _on_gpu(session: Any, model: Exported, number: int) -> Callable[[Sequence[Any]], Any]:
    """Inputs lie on the device or are copied there, and the output is copied back, as with the other frameworks."""

    def run(inputs: Sequence[Any]) -> Any:
        binding = session.io_binding()
        for name, value in zip(model.inputs, inputs, strict=True):
            on_device = isinstance(value, onnxruntime.OrtValue)
            (binding.bind_ortvalue_input if on_device else binding.bind_cpu_input)(name, value)
        binding.bind_output(model.output, "cuda", number)
        session.run_with_iobinding(binding)
        return binding.copy_outputs_to_cpu()[0]

    return run


def _recorder(
    start: Callable[..., Any], options: Any, running: Callable[[Any], Any], example: Sequence[Any]
) -> Recorder:
    """A session with ONNX Runtime's own profiler on, which writes a file."""
    folder = TemporaryDirectory(prefix="dlbench-profile-")
    options.enable_profiling, options.profile_file_prefix = True, str(Path(folder.name, "ort"))
    session = start(options)
    run = running(session)
    run(example)

    def nodes(runs: Sequence[float]) -> list[list[ProfileEvent]]:
        with folder:
            return _nodes(json.loads(Path(session.end_profiling()).read_text()))[-len(runs) :]

    return Recorder(run, nodes)


def _nodes(rows: Sequence[Mapping[str, Any]]) -> list[list[ProfileEvent]]:
    """The nodes of each run in a profile, whose times are microseconds."""
    kernels = [row for row in rows if row.get("cat") == "Node" and row["name"].endswith("_kernel_time")]
    return [
        [
            node(
                kind=row["args"]["op_name"],
                start=(row["ts"] - run["ts"]) * 1e-6,
                seconds=row["dur"] * 1e-6,
                shapes=tuple(tuple(*one.values()) for one in row["args"].get("input_type_shape", ())),
            )
            for row in kernels
            if run["ts"] <= row["ts"] < run["ts"] + run["dur"]
        ]
        for run in rows
        if run["name"] == "model_run"
    ]


def adapt(source: ModelSource | None = None) -> OnnxModel:
    """The plugin of a module of PyTorch or of an ONNX file; without either of an architecture: its name says which."""
    return OnnxModel(OnnxRuntime(), source)


plugin = adapt
