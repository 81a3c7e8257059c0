"""The program that exports: a request on its standard input, files in the folder of its argument, facts on its output.

Parameters stand in the file as they are, by PyTorch's names. The exporter's own optimizer is off: it removes biases
that are zero, as initial ones are, and does part of what the runtime's level of optimisation is measured by.
"""

from __future__ import annotations

import json
import logging
import os
import pickle
import re
import sys
import warnings
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dlbench_torch
from dlbench.errors import DlbenchError, Unsupported
from dlbench.plugin import Batch
from dlbench_onnx.export import MODEL, PARAMETERS
from dlbench_torch.adaptors import torch as adapt

HOW: dict[str, Any] = {"dynamo": True, "optimize": False, "verbose": False, "output_names": ["output"]}
_OPERATOR = re.compile(r"OpOverload\(op='([^']+)', overload='([^']*)'\)")


def main(folder: Path, asked: bytes) -> dict[str, Any]:
    """Export the requested model; returns its facts. Raises Unsupported for a model that ONNX cannot express."""
    request, parameters = pickle.loads(asked)  # noqa: S301 (of the process that started this one)
    spec = request.spec
    make = getattr(dlbench_torch, spec.architecture) if spec.model is None else partial(adapt, spec.model)
    model: dlbench_torch.TorchModel = make()
    model.build(request)
    if parameters is not None:
        model.import_parameters(parameters)
    arrays = tuple(np.zeros(one.shape, one.dtype) for one in (request.signature.inputs, *request.signature.further))
    names = [f"input{place}" for place in range(len(arrays))]
    try:
        program = torch.onnx.export(model.network, tuple(map(torch.from_numpy, arrays)), input_names=names, **HOW)
    except Exception as error:
        raise Unsupported(_why(error)) from error
    assert program is not None
    program.save(folder / MODEL)
    exported: dict[str, Any] = dict(model.export_parameters())
    np.savez(folder / PARAMETERS, **exported)
    batch = Batch(arrays if len(arrays) > 1 else arrays[0], np.zeros(1, np.float32))
    return {
        "inputs": names,
        "output": "output",
        "parameter_count": sum(one.numel() for one in model.network.parameters() if one.requires_grad),
        "flops": None if request.configuration else model.flops(model.stage(batch)),
        "exporter": f"torch.onnx {torch.__version__}, opset {program.model.opset_imports['']}, not optimized",
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


def _reply(folder: str) -> int:
    """Write the facts, or type and text of an error, to the real standard output; what others print goes elsewhere."""
    kept = os.dup(1)
    os.dup2(2, 1)
    reply: Any
    try:
        code, reply = 0, main(Path(folder), sys.stdin.buffer.read())
    except (DlbenchError, MemoryError) as error:
        code, reply = 1, [type(error).__name__, str(error)]
    with os.fdopen(kept, "w") as output:
        json.dump(reply, output)
    return code


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    sys.exit(_reply(sys.argv[1]))
