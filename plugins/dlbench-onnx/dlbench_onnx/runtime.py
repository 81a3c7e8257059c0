"""A runtime: all that differs between ONNX Runtime and OpenVINO, and is asked of either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from dlbench.plugin import Setting, Spec

SWITCH = ("on", "off")


@dataclass(frozen=True, kw_only=True)
class Session:
    """A model that is ready to run, and its settings as the runtime reads them back.

    `run` takes the inputs in the order of the file and returns the chosen output; `stage` puts an array on the device.
    """

    run: Callable[[Sequence[Any]], Any]
    threads: int
    precision: str
    details: Mapping[str, str]
    settings: Callable[[], Mapping[str, str]]
    stage: Callable[[Any], Any] = field(default=lambda array: array)


class Runtime(Protocol):
    """A runtime of ONNX files: `name` is the framework's word in a plugin's name."""

    name: str
    title: str
    version: str
    package: str

    def devices(self) -> dict[str, str]:
        """Device words of a Spec, each with its description."""
        ...

    def table(self, spec: Spec) -> list[Setting]:
        """The settings for a Spec, with what this version and its device do not have."""
        ...

    def open(self, file: Path, spec: Spec, device: str, output: str) -> Session:
        """Read and optimise a file for this Spec. Raises Unsupported for a precision or a setting that is not there."""
        ...
