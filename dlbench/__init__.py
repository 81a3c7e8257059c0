"""dlbench: deep-learning benchmarks you can trust.

The public names are loaded on first use, so that importing dlbench costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dlbench.api.comparison_results import ComparisonResults
    from dlbench.api.explain import Explanations
    from dlbench.api.public import check, check_parity, compare, explain, read, render, run
    from dlbench.api.results import Results
    from dlbench.errors import ContractViolation, DlbenchError, RecordError, SpecError, UnknownName, Unsupported
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
    "ComparisonResults": "api.comparison_results",
    "Compilation": "plugin",
    "ContractViolation": "errors",
    "DlbenchError": "errors",
    "Explanations": "api.explain",
    "ModelInfo": "plugin",
    "ModelPlugin": "plugin",
    "Policy": "spec",
    "RecordError": "errors",
    "Results": "api.results",
    "Run": "record.schema",
    "Signature": "plugin",
    "Spec": "spec",
    "SpecError": "errors",
    "UnknownName": "errors",
    "Unsupported": "errors",
    "check": "api.public",
    "check_parity": "api.public",
    "compare": "api.public",
    "explain": "api.public",
    "read": "api.public",
    "read_runs": "record.reading",
    "render": "api.public",
    "run": "api.public",
}

__all__ = [
    "Adam",
    "ArraySpec",
    "Batch",
    "BuildRequest",
    "ComparisonResults",
    "Compilation",
    "ContractViolation",
    "DlbenchError",
    "Explanations",
    "ModelInfo",
    "ModelPlugin",
    "Policy",
    "RecordError",
    "Results",
    "Run",
    "Signature",
    "Spec",
    "SpecError",
    "UnknownName",
    "Unsupported",
    "check",
    "check_parity",
    "compare",
    "explain",
    "read",
    "read_runs",
    "render",
    "run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'dlbench' has no attribute {name!r}")
    return getattr(importlib.import_module(f"dlbench.{_HOMES[name]}"), name)
