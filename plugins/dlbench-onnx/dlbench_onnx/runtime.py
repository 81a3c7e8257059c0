"""A runtime: all that differs between ONNX Runtime and OpenVINO, and is asked of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from dlbench.plugin import Setting, Spec
from dlbench_onnx.export import Exported
from dlbench_onnx.profiling import Recorder

DENORMALS, READ_BACK = ("flush", "keep"), "the open model's own word"
SAID = {"flush": "flushed to zero", "keep": "kept"}
"""Treatment of denormals in the words of the other frameworks."""


@dataclass(frozen=True, kw_only=True)
class Session:
    """A model that is ready to run, and what the runtime reads back of it.

    `run` takes the inputs in the order of the request and returns the chosen output; `stage` puts one on the device.
    `recorder` opens the model again, to be profiled, and runs it on an example, as the first run takes longer.
    """

    run: Callable[[Sequence[Any]], Any]
    threads: int
    precision: str
    details: Mapping[str, str]
    settings: Callable[[], Mapping[str, str]]
    stage: Callable[[Any], Any]
    recorder: Callable[[Sequence[Any]], Recorder]


class Runtime(Protocol):
    """A runtime of ONNX files: `name` is the framework's word in a plugin's name, `package` its distribution."""

    name: str
    title: str
    package: str
    version: str

    def devices(self) -> dict[str, str]:
        """Device words of a Spec, each with its description."""
        ...

    def table(self, spec: Spec) -> list[Setting]:
        """The settings for a Spec, with what this version and its device do not have."""
        ...

    def open(self, model: Exported, spec: Spec, device: str) -> Session:
        """Read and optimise a model. Raises Unsupported for a precision or a setting that is not there."""
        ...
