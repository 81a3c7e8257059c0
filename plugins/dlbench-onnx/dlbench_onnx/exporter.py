"""The export itself, which a process of its own runs.

Parameters stand in the file as they are, by PyTorch's names. The exporter's own optimizer is off: it removes biases
that are zero, as initial ones are, and does part of what the runtime's level of optimisation is measured by.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dlbench_torch
from dlbench.errors import Unsupported
from dlbench.plugin import Batch, BuildRequest, Parameters
from dlbench_onnx.export import MODEL, PARAMETERS
from dlbench_torch.adaptors import torch as adapt

HOW: dict[str, Any] = {"dynamo": True, "optimize": False, "verbose": False, "output_names": ["output"]}
_OPERATOR = re.compile(r"OpOverload\(op='([^']+)', overload='([^']*)'\)")


def export(folder: str, request: BuildRequest, parameters: Parameters | None) -> dict[str, Any]:
    """Export the model of a request to PyTorch; returns the facts of an Exported.

    Raises Unsupported for a model that ONNX cannot express.
    """
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    spec = request.spec
    make = getattr(dlbench_torch, spec.architecture) if spec.model is None else partial(adapt, spec.model)
    model: dlbench_torch.TorchModel = make()
    model.build(request)
    if parameters is not None:
        model.import_parameters(parameters)
    arrays = tuple(np.zeros(one.shape, one.dtype) for one in (request.signature.inputs, *request.signature.further))
    names = tuple(f"input{place}" for place in range(len(arrays)))
    try:
        program = torch.onnx.export(model.network, tuple(map(torch.from_numpy, arrays)), input_names=names, **HOW)
    except Exception as error:
        raise Unsupported(_why(error)) from error
    assert program is not None
    program.save(Path(folder, MODEL))
    held: dict[str, Any] = dict(model.export_parameters())
    np.savez(Path(folder, PARAMETERS), **held)
    batch = Batch(arrays if len(arrays) > 1 else arrays[0], np.zeros(1, np.float32))
    opset = program.model.opset_imports[""]
    return {
        "inputs": names,
        "output": "output",
        "parameter_count": sum(one.numel() for one in model.network.parameters() if one.requires_grad),
        "flops": None if request.configuration else model.flops(model.stage(batch)),
        "details": {"exporter": f"torch.onnx {torch.__version__}, opset {opset}, not optimized"},
    }


def _why(error: BaseException) -> str:
    """The operators that have no form in ONNX, or the reason why the model cannot be traced."""
    causes = list(_causes(error))
    found = dict.fromkeys(".".join(one) for cause in causes for one in _OPERATOR.findall(str(cause)))
    if found:
        names = ", ".join(found).replace("::", ".")
        return f"ONNX has no form of the operator {names}, says the exporter of PyTorch {torch.__version__}"
    said = next((line.strip() for line in str(causes[-1]).splitlines() if line.strip()), type(causes[-1]).__name__)
    return f"PyTorch {torch.__version__} cannot trace the model for ONNX: {said[:300]}"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
