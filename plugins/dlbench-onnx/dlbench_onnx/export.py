"""From a request to an ONNX file: a process of its own exports PyTorch's model, and is gone before anything is run.

PyTorch and its exporter would otherwise stand in the memory, the threads and the import time of the runtime.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
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


_kept: dict[bytes, Exported] = {}


def exported(request: BuildRequest, parameters: Parameters | None = None) -> Exported:
    """PyTorch's model for this request, with these parameters instead of its initial ones if they are given.

    Raises Unsupported that names the operator which ONNX cannot express, and what PyTorch's plugin raises.
    """
    asked = _of_torch(request), None if parameters is None else dict(parameters)
    key = hashlib.sha256(pickle.dumps(asked)).digest()
    if key not in _kept:
        _kept[key] = _export(request, *asked)
        for old in list(_kept)[:-KEPT]:
            del _kept[old]
    return _kept[key]


def _of_torch(request: BuildRequest) -> BuildRequest:
    """The request to PyTorch's plugin: eager, in float32 and on the CPU, whatever the runtime will do with the file."""
    spec = request.spec
    plain = {"path": "eager", "device": "cpu", "precision": "fp32", "data": "device", "compiler": "", "variant": UNSET}
    named = msgspec.structs.replace(spec, plugin=f"torch.{spec.architecture}", **plain)
    return replace(request, spec=named, optimizer=Adam())


def _export(request: BuildRequest, of_torch: BuildRequest, parameters: dict[str, Array] | None) -> Exported:
    """The export of this request to PyTorch, with these parameters."""
    folder = TemporaryDirectory(prefix="dlbench-onnx-")
    said: dict[str, Any] = in_own_process("dlbench_onnx.exporter:export", folder.name, of_torch, parameters)
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
