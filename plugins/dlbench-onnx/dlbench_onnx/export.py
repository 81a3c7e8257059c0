"""From a request to an ONNX file: a process of its own exports PyTorch's model, and is gone before anything is run.

PyTorch and its exporter would otherwise stand in the memory, the threads and the import time of the runtime.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np
from msgspec import UNSET

from dlbench.plugin import Adam, Array, BuildRequest, Parameters
from dlbench.plugin_kit import in_own_process

MODEL, PARAMETERS = "model.onnx", "parameters.npz"
"""Files of an export: the model, and its parameters by canonical name."""
KEPT = 8
"""Exports that a process keeps: an examination builds the same request several times."""


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A model as an ONNX file, and what is known of it.

    `inputs` names those of the file in the order of the request, `output` the one that a loss reads. `parameters`
    returns what the file holds, `having` the same model with others. `folder` goes with the last Exported of it.
    """

    file: Path
    inputs: tuple[str, ...]
    output: str
    parameter_count: int
    details: Mapping[str, str]
    parameters: Callable[[], dict[str, Array]]
    having: Callable[[Parameters], Exported]
    flops: float | None = None
    folder: TemporaryDirectory[str] | None = None


def exported(request: BuildRequest, parameters: Parameters | None = None) -> Exported:
    """PyTorch's model for this request, with these parameters instead of its initial ones if they are given.

    Raises Unsupported that names the operator which ONNX cannot express, and what PyTorch's plugin raises.
    """
    return _export(pickle.dumps((_of_torch(request), None if parameters is None else dict(parameters))))


def _of_torch(request: BuildRequest) -> BuildRequest:
    """The request to PyTorch's plugin: eager, in float32 and on the CPU, whatever the runtime will do with the file."""
    spec = request.spec
    plain = {"path": "eager", "device": "cpu", "precision": "fp32", "data": "device", "compiler": "", "variant": UNSET}
    named = msgspec.structs.replace(spec, plugin=f"torch.{spec.architecture}", **plain)
    return replace(request, spec=named, optimizer=Adam())


@lru_cache(KEPT)
def _export(asked: bytes) -> Exported:
    """The export of a pickled request to PyTorch, and parameters for it."""
    folder = TemporaryDirectory(prefix="dlbench-onnx-")
    request, parameters = pickle.loads(asked)  # noqa: S301 (of this process)
    said: dict[str, Any] = in_own_process("dlbench_onnx.exporter:export", folder.name, request, parameters)
    return Exported(
        file=Path(folder.name, MODEL),
        parameters=partial(_parameters, Path(folder.name, PARAMETERS)),
        having=partial(exported, request),
        folder=folder,
        **said,
    )


def _parameters(file: Path) -> dict[str, Array]:
    with np.load(file, allow_pickle=False) as found:
        return dict(found)
