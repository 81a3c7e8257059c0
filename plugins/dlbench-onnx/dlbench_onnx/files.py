"""ONNX files of the user's own: what they take and return, and the parameters that they hold."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from dlbench.errors import SpecError
from dlbench.plugin import Array, ArraySpec, InputSpec, Parameters
from dlbench.plugin_kit import local_file, output_name, pick_output, require_same_shapes
from dlbench_onnx.export import MODEL, Exported

LOADER = "onnx:"
"""The word before a file in a reference."""
_TRAINED = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)


def read(reference: str, names: tuple[str, ...] = (), output: str = "") -> Exported:
    """The file of a reference; `names` are its inputs in the order of the request, the file's own unless given.

    Raises SpecError for a file that is missing or no model, for an input and for an output that it does not have.
    """
    file = local_file(reference.removeprefix(LOADER))
    graph = _load(file, reference).graph
    taken = [one.name for one in _inputs(graph)]
    if names and set(names) != set(taken):
        raise SpecError(f"{reference} takes the inputs {', '.join(taken)}, and {', '.join(names)} were named")
    return Exported(
        file=file,
        inputs=names or tuple(taken),
        output=output_name({one.name: one for one in graph.output}, output),
        parameter_count=sum(int(np.prod(one.dims)) for one in graph.initializer if one.data_type in _TRAINED),
        details={"model file": f"sha256 {_digest(file)}"},
        parameters=partial(_parameters, file, reference),
        having=partial(_having, file, reference, names, output),
    )


def stated(reference: str, output: str = "") -> tuple[tuple[InputSpec, ...], ArraySpec | None]:
    """Inputs and output by the file's own signature; nothing for those of which it leaves a length open.

    Nor for integers, whose range no file states.
    """
    graph = _load(local_file(reference.removeprefix(LOADER)), reference).graph
    taken = [_array(one) for one in _inputs(graph)]
    returned = _array(pick_output({one.name: one for one in graph.output}, output))
    closed = all(one.shape and all(one.shape) and one.dtype == "float32" for one in taken)
    whole = returned if returned.shape and all(returned.shape) else None
    return tuple(InputSpec(one.shape) for one in taken if closed), whole


def require_fit(model: Exported, reference: str, given: Sequence[ArraySpec | InputSpec]) -> None:
    """Raise SpecError for arrays of another type or length than the file states; a length that it leaves open fits."""
    known = {one.name: _array(one) for one in _inputs(_load(model.file, reference).graph)}
    if len(known) != len(given):
        raise SpecError(f"{reference} takes the inputs {', '.join(known)}, and {len(given)} were given")
    for name, asked in zip(model.inputs, given, strict=True):
        own = known[name]
        closed = [one or other for one, other in zip(own.shape, asked.shape, strict=False)]
        fits = len(own.shape) == len(asked.shape) and closed == list(asked.shape)
        if not fits or own.dtype != asked.dtype:
            wanted = "x".join(str(length or "N") for length in own.shape)
            got = "x".join(map(str, asked.shape))
            raise SpecError(f"{reference} takes {name} as {wanted}:{own.dtype}, and {got}:{asked.dtype} was asked for")


def _array(one: Any) -> ArraySpec:
    """Shape and type of an input or an output; a length that is left open is 0."""
    kind = one.type.tensor_type
    shape = tuple(length.dim_value for length in kind.shape.dim)
    return ArraySpec(shape, str(onnx.helper.tensor_dtype_to_np_dtype(kind.elem_type)))


def _load(file: Path, reference: str) -> Any:
    try:
        if (found := onnx.load(file)).graph.output:
            return found
        raise ValueError("it has no output")  # an empty file is read as a model of nothing
    except Exception as error:
        raise SpecError(f"{reference} is no ONNX file: {str(error).splitlines()[0][:200]}") from error


def _digest(file: Path) -> str:
    """Digest of the file, and of those beside it that hold weights."""
    own = onnx.load(file, load_external_data=False).graph.initializer
    beside = {entry.value for one in own for entry in one.external_data if entry.key == "location"}
    whole = b"".join(path.read_bytes() for path in (file, *(file.parent / name for name in sorted(beside))))
    return hashlib.sha256(whole).hexdigest()[:16]


def _inputs(graph: Any) -> list[Any]:
    """The inputs without those that are parameters with a default, as older files have them."""
    held = {one.name for one in graph.initializer}
    return [one for one in graph.input if one.name not in held]


def _parameters(file: Path, reference: str) -> dict[str, Array]:
    held = _load(file, reference).graph.initializer
    return {one.name: numpy_helper.to_array(one).copy() for one in held if one.data_type in _TRAINED}


def _having(file: Path, reference: str, names: tuple[str, ...], output: str, parameters: Parameters) -> Exported:
    model = _load(file, reference)
    require_same_shapes(parameters, {name: one.shape for name, one in _parameters(file, reference).items()})
    for one in model.graph.initializer:
        if one.name in parameters:
            kind = onnx.helper.tensor_dtype_to_np_dtype(one.data_type)
            one.CopyFrom(numpy_helper.from_array(np.asarray(parameters[one.name], kind), one.name))
    folder = TemporaryDirectory(prefix="dlbench-onnx-")
    onnx.save(model, changed := Path(folder.name, MODEL))
    return replace(read(f"{LOADER}{changed}", names, output), folder=folder)
