"""From a request to an ONNX file: a process of its own exports PyTorch's model, and is gone before anything is run.

PyTorch and its exporter would otherwise stand in the memory, the threads and the import time of the runtime.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import UNSET

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import Adam, BuildRequest

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

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


_kept: dict[str, Exported] = {}


def exported(request: BuildRequest, parameters: Parameters | None = None) -> Exported:
    """PyTorch's model for this request, with these parameters instead of its initial ones if they are given.

    Raises Unsupported that names the operator which ONNX cannot express, and what PyTorch's plugin raises.
    """
    asked = pickle.dumps((_of_torch(request), None if parameters is None else dict(parameters)))
    key = hashlib.sha256(asked).hexdigest()
    if key not in _kept:
        _kept[key] = _export(request, asked)
        for old in list(_kept)[:-KEPT]:
            del _kept[old]
    return _kept[key]


def _of_torch(request: BuildRequest) -> BuildRequest:
    """The request to PyTorch's plugin: eager, in float32 and on the CPU, whatever the runtime will do with the file."""
    spec = request.spec
    plain = {"path": "eager", "device": "cpu", "precision": "fp32", "data": "device", "compiler": "", "variant": UNSET}
    named = msgspec.structs.replace(spec, plugin=f"torch.{spec.architecture}", **plain)
    return replace(request, spec=named, optimizer=Adam())


def _export(request: BuildRequest, asked: bytes) -> Exported:
    folder = TemporaryDirectory(prefix="dlbench-onnx-")
    program = [sys.executable, "-m", "dlbench_onnx.exporter", folder.name]
    done = subprocess.run(program, input=asked, capture_output=True, check=False)
    if done.returncode:
        raise _error(done)
    said: dict[str, Any] = json.loads(done.stdout)
    return Exported(
        file=Path(folder.name, MODEL),
        inputs=tuple(said["inputs"]),
        output=said["output"],
        parameter_count=said["parameter_count"],
        details={"exporter": said["exporter"]},
        parameters=partial(_parameters, Path(folder.name, PARAMETERS)),
        having=partial(exported, request),
        flops=said["flops"],
        folder=folder,
    )


def _parameters(file: Path) -> dict[str, Array]:
    with np.load(file, allow_pickle=False) as found:
        return dict(found)


def _error(done: subprocess.CompletedProcess[bytes]) -> Exception:
    """The error that the exporter raised; without its word, the end of its output."""
    try:
        kind, text = json.loads(done.stdout)
    except ValueError:
        end = done.stderr.decode(errors="replace")[-500:]
        return RuntimeError(f"the export to ONNX ended with code {done.returncode}: {end}")
    return {"Unsupported": Unsupported, "MemoryError": MemoryError}.get(kind, SpecError)(text)
