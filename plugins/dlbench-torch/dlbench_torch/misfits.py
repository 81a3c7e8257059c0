"""Errors of a step in the user's words: the layer that complained, its input, and a remedy."""

from __future__ import annotations

import re
import sys
from typing import Any

import torch
from torch import Tensor, nn

from dlbench.errors import DlbenchError, SpecError, Unsupported
from dlbench.plugin_kit import users_errors
from dlbench.spec import Spec
from dlbench_torch import loop
from dlbench_torch.network import Network, as_tuple
from dlbench_torch.requirements import NO_GRADIENT

_LONGEST = 300
_RECURRENT = "RNN, GRU, or LSTM"
"""Words of Dynamo (PyTorch 2.13) for layers that it compiles neither whole nor in parts."""
_OUT_OF_MEMORY = "can't allocate memory"
"""Message of PyTorch's allocator on the host; on a GPU the error has a class of its own."""
_OF_PYTORCH = {
    "does not require grad and does not have a grad_fn": NO_GRADIENT,
    "does not support sparse gradients": "a parameter has sparse gradients, which this optimizer does not take; leave "
    "sparse=True out, or give --optimizer file.py:function that returns torch.optim.SparseAdam",
}
"""Texts of PyTorch, with their meaning for a user."""


def explain(error: Exception, spec: Spec, network: Network, inputs: Any) -> None:
    """Raise an error that a user can act upon, if this one allows it.

    Raises Unsupported for a step that does not compile whole, MemoryError for a model larger than memory, and SpecError
    for inputs that do not fit.
    """
    if isinstance(error, DlbenchError):
        return
    cause = error.__cause__
    if isinstance(cause, DlbenchError):
        raise cause from error
    require_memory(error, spec.plugin)
    if why := _not_compiled(error, allow_breaks=spec.allow_breaks):
        raise Unsupported(f"{spec.plugin} on the path {spec.path}: {why}") from error
    for text, meaning in _OF_PYTORCH.items():
        if text in str(error):
            raise SpecError(f"{spec.plugin}: {meaning}") from error
    if (where := complaint(network, as_tuple(inputs))) is not None:
        raise SpecError(f"{spec.plugin}: {where}") from error


def _not_compiled(error: Exception, *, allow_breaks: bool) -> str:
    """The reason that a step is not compiled whole, and a remedy; empty for errors of other kinds."""
    if isinstance(error, NotImplementedError) and loop.LIBRARY in str(error):
        return (
            "this mode of the compiler leaves the loop over time to PyTorch, which has it compiled alone; choose "
            "another mode, or --path eager"
        )
    if _from_dynamo(error):
        in_parts = not allow_breaks and _RECURRENT not in str(error)
        remedy = "--allow-breaks measures it in parts" if in_parts else "choose --path eager"
        return f"PyTorch cannot compile its step whole: {_of_dynamo(error)}; {remedy}"
    if _from_dynamo(error, "FailOnRecompileLimitHit"):
        return (
            "PyTorch compiles its step anew from call to call, since something that Python holds changes, such as a "
            "counter; hold it as a buffer, or choose --path eager"
        )
    return ""


def require_memory(error: BaseException, name: str, advice: str = "choose a smaller --batch-size") -> None:
    """Raise MemoryError if the error says that memory did not suffice; PyTorch's own on a GPU says it itself."""
    if _OUT_OF_MEMORY in str(error):
        raise MemoryError(f"{name} does not fit into memory; {advice}: {_first_line(error)}") from error


def complaint(network: Network, inputs: tuple[Any, ...]) -> str | None:
    """The layer that refuses these inputs with its own input, in a line; None if none does."""
    tensors = tuple(one if isinstance(one, Tensor) else torch.tensor(one) for one in inputs)
    entered: list[tuple[nn.Module, tuple[Any, ...], dict[str, Any]]] = []
    names = {module: name for name, module in network.module.named_modules()}
    hooks = [layer.register_forward_pre_hook(lambda *call: entered.append(call), with_kwargs=True) for layer in names]
    hooks += [layer.register_forward_hook(lambda *_: entered.pop() and None) for layer in names]
    try:
        with torch.no_grad(), users_errors(""):
            network(*tensors)
    except SpecError as error:
        if error.__cause__ is None:
            raise
        given, said = ", ".join(map(_shown, tensors)), str(error).removeprefix(": ")
        if not entered:
            return f"inputs {given} do not fit: {said}"
        layer, by_place, by_name = entered[-1]
        taken = ", ".join(_shown(one) for one in (*by_place, *by_name.values()) if isinstance(one, Tensor))
        layer_name = f"layer {names[layer]}" if names[layer] else "the model itself"
        return f"inputs {given} do not fit: {layer_name}, {_kind(layer)}, was given {taken}: {said}"
    finally:
        for hook in hooks:
            hook.remove()
    return None


def _kind(layer: nn.Module) -> str:
    text = f"{type(layer).__name__}({layer.extra_repr()})"
    return text if len(text) <= _LONGEST else type(layer).__name__


def _shown(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def _from_dynamo(error: Exception, kind: str = "TorchDynamoException") -> bool:
    """True if the compiler's front end raised it; a process that compiles nothing has not imported that."""
    dynamo = sys.modules.get("torch._dynamo.exc")
    return dynamo is not None and isinstance(error, getattr(dynamo, kind))


def _of_dynamo(error: Exception) -> str:
    """Its first line, its explanation, and the user's line that it names last."""
    text = str(error)
    why = re.search(r"Explanation: (.+)", text)
    lines = re.findall(r'File "(.+)", line (\d+)', text)
    own = [line for line in lines if "site-packages" not in line[0]] or lines
    where = f"in {own[-1][0]}, line {own[-1][1]}" if own else ""
    return ", ".join(filter(None, (_first_line(error), why[1][:_LONGEST] if why else "", where)))


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0][:_LONGEST] if lines else 'no text'}"
