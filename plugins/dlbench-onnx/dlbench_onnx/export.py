"""From a request to an ONNX file: a process of its own exports PyTorch's model, and is gone before anything is run.

PyTorch and its exporter would otherwise stand in the memory, the threads and the import time of the runtime.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from dlbench.errors import SpecError, Unsupported
from dlbench.plugin import BuildRequest

if TYPE_CHECKING:
    from dlbench.plugin import Array, Parameters

MODEL, PARAMETERS = "model.onnx", "parameters.npz"
"""Files of an export: the model, and its parameters by canonical name."""
KEPT = 8
"""Exports that a process keeps: the same request is built again and again by an examination."""


@dataclass(frozen=True)
class Exported:
    """A model as an ONNX file, and its facts by its maker.

    `output` names the output of the file that a loss reads, empty for its only one.
    """

    file: Path
    parameter_count: int
    flops: float | None = None
    output: str = ""
    details: Mapping[str, str] | None = None
    folder: TemporaryDirectory[str] | None = None
    """The folder of the file, removed with the last Exported of it."""

    def parameters(self) -> dict[str, Array]:
        """The parameters that the model was exported with, by canonical name."""
        with np.load(self.file.with_name(PARAMETERS), allow_pickle=False) as found:
            return dict(found)


_kept: dict[str, Exported] = {}


def exported(request: BuildRequest, parameters: Parameters | None = None) -> Exported:
    """PyTorch's model for this request, with these parameters instead of its initial ones if they are given.

    Raises Unsupported that names the operator which ONNX cannot express, and the errors of dlbench that PyTorch's
    plugin raises.
    """
    asked = pickle.dumps((request, parameters))
    key = hashlib.sha256(asked).hexdigest()
    if key not in _kept:
        _kept[key] = _export(asked)
        for old in list(_kept)[:-KEPT]:
            del _kept[old]
    return _kept[key]


def _export(asked: bytes) -> Exported:
    folder = TemporaryDirectory(prefix="dlbench-onnx-")
    program = [sys.executable, "-m", "dlbench_onnx.exporter", folder.name]
    done = subprocess.run(program, input=asked, capture_output=True, check=False)
    if done.returncode:
        raise _error(done)
    said: dict[str, Any] = json.loads(done.stdout)
    details = {"exporter": said["exporter"]}
    return Exported(Path(folder.name, MODEL), said["parameter_count"], said["flops"], details=details, folder=folder)


def _error(done: subprocess.CompletedProcess[bytes]) -> Exception:
    """The error that the exporter raised; without its word, the end of its output."""
    try:
        kind, text = json.loads(done.stdout)
    except ValueError:
        return RuntimeError(
            f"the export ended with code {done.returncode}: {done.stderr.decode(errors='replace')[-500:]}"
        )
    return {"Unsupported": Unsupported, "MemoryError": MemoryError}.get(kind, SpecError)(text)
