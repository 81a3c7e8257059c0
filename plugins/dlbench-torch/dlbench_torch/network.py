"""A module as it is measured: its call, its mode, and the output that the loss reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from dlbench.plugin_kit import pick_output

Call = Callable[..., Any]
"""The module and its inputs to its outputs."""
Inputs = tuple[Tensor, ...]
_OWN = "module."


class Network(nn.Module):
    """A module, called as `call` says, or with its inputs by place, or by `names`.

    With `mixed` it computes its products in that type and returns float32. `output` names one of several outputs; if it
    is None the outputs are left as they are.
    """

    def __init__(
        self,
        module: nn.Module,
        call: Call | None = None,
        names: tuple[str, ...] = (),
        output: str | None = "",
        mixed: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        self.module = module
        self._call = call or (_by_name(names) if names else _by_place)
        self._output, self._mixed = output, mixed
        self.set_training(False)

    def set_training(self, training: bool) -> None:
        """Put every layer into the mode of training or of prediction, unless it is there.

        A recurrent layer without dropout of its own computes the same in both. It stays in the mode of training, for
        cuDNN has no gradient in the other.
        """
        if self.training is training:
            return
        self.train(training)
        for layer in self.modules():
            if isinstance(layer, nn.RNNBase) and not layer.dropout:
                layer.train()

    def forward(self, *inputs: Tensor) -> Any:
        """The output that the loss reads."""
        if self._mixed is None:
            outputs = self._call(self.module, *inputs)
        else:
            with torch.autocast(inputs[0].device.type, dtype=self._mixed):
                outputs = self._call(self.module, *inputs)
            outputs = torch.utils._pytree.tree_map_only(Tensor, _as_float32, outputs)
        if self._output is None or (isinstance(outputs, Tensor) and not self._output):
            return outputs
        return pick_output(outputs, self._output)

    def called(self) -> Callable[..., Any]:
        """The quickest function that computes what a call does: a small step would show each further call of Python."""
        if self._mixed is not None or self._call is not _by_place or self._output:
            return self.forward
        module = self.module
        if self._output is None:
            return module

        def call(*inputs: Tensor) -> Any:
            outputs = module(*inputs)
            return outputs if isinstance(outputs, Tensor) else pick_output(outputs, "")

        return call

    def with_tensors(self, tensors: Mapping[str, Tensor], inputs: Inputs) -> tuple[Any, dict[str, Tensor]]:
        """The output with these parameters and buffers in the place of the module's own, and their new values.

        Keys are the module's names. A layer that writes a buffer writes into the given tensor.
        """
        held = {f"{_OWN}{name}": tensor for name, tensor in tensors.items()}
        output = torch.func.functional_call(self, held, inputs)
        return output, {name.removeprefix(_OWN): tensor for name, tensor in held.items()}


def as_tuple(inputs: Any) -> Inputs:
    """The inputs of a batch, one or several."""
    return inputs if isinstance(inputs, tuple) else (inputs,)


def turn_dropout_off(module: nn.Module) -> None:
    """Make a training step drop nothing; batch norm trains as before.

    Layers of dropout drop with probability 0, and so do layers that call `torch.nn.functional.dropout` themselves, or
    drop whole paths: their probability is an attribute, of the layer or of its configuration, whose name holds `drop`.
    """
    for layer in module.modules():
        for owner in (layer, getattr(layer, "config", None)):
            for name, value in list(getattr(owner, "__dict__", {}).items()):
                if isinstance(value, float) and "drop" in name:
                    setattr(owner, name, 0.0)
        if isinstance(layer, _DropoutNd) or type(layer).__name__ == "StochasticDepth":
            setattr(layer, "p", 0.0)  # noqa: B010 (of StochasticDepth no type is known here)


def _as_float32(outputs: Tensor) -> Tensor:
    return outputs.float() if outputs.is_floating_point() else outputs


def _by_place(module: nn.Module, *inputs: Tensor) -> Any:
    return module(*inputs)


def _by_name(names: tuple[str, ...]) -> Call:
    return lambda module, *inputs: module(**dict(zip(names, inputs, strict=True)))
