"""dlbench: benchmarks of deep learning that hold.

The public names are loaded on first use, so that importing dlbench costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlbench.errors import ContractViolation, DlbenchError, Unsupported
    from dlbench.plugin import Adam, ArraySpec, Batch, BuildRequest, Compilation, ModelInfo, ModelPlugin, Signature
    from dlbench.record.reading import read_runs
    from dlbench.record.schema import Run
    from dlbench.spec import Policy, Spec

__version__ = "0.1.0"

_HOMES = {
    "Adam": "plugin",
    "ArraySpec": "plugin",
    "Batch": "plugin",
    "BuildRequest": "plugin",
    "Compilation": "plugin",
    "ContractViolation": "errors",
    "DlbenchError": "errors",
    "ModelInfo": "plugin",
    "ModelPlugin": "plugin",
    "Policy": "spec",
    "Run": "record.schema",
    "Signature": "plugin",
    "Spec": "spec",
    "Unsupported": "errors",
    "read_runs": "record.reading",
}

__all__ = [
    "Adam",
    "ArraySpec",
    "Batch",
    "BuildRequest",
    "Compilation",
    "ContractViolation",
    "DlbenchError",
    "ModelInfo",
    "ModelPlugin",
    "Policy",
    "Run",
    "Signature",
    "Spec",
    "Unsupported",
    "read_runs",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dlbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"dlbench.{_HOMES[name]}"), name)
