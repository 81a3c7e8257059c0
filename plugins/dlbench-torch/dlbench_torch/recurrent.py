"""The core's rnn, lstm and gru (`dlbench.architectures.recurrent`): PyTorch's layer, or its time steps written out.

The compiler cannot look into `nn.LSTM` and its like: a step over them compiles to no graph at all. On the path jit
the same parameters go through a loop over time that it unrolls into one graph.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.recurrent import Recurrent
from dlbench.plugin import BuildRequest, Signature
from dlbench_torch.layers import Embedding, require_task

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Bare(nn.Module):
    """The parameters of a layer under their names, without the layer: Dynamo refuses a module that holds one."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        for name, parameter in layer.named_parameters():
            self.register_parameter(name, parameter)


class LastState(nn.Module):
    """A recurrent layer over a sequence, its last state into a linear layer."""

    def __init__(self, model: Recurrent, signature: Signature, *, written_out: bool) -> None:
        super().__init__()
        tokens = signature.vocabulary is not None
        self.embedding = Embedding(signature, model.units, positions=False) if tokens else nn.Identity()
        features = model.units if tokens else signature.inputs.shape[-1]
        layer = LAYERS[model.cell](features, model.units, batch_first=True)
        self.cell: nn.Module = Bare(layer) if written_out else layer
        if model.cell != "gru":  # one bias of the two is live, as in the core
            nn.init.zeros_(self._cell("bias_hh_l0")).requires_grad_(False)
        self.output = nn.Linear(model.units, signature.outputs.shape[-1])
        self._advance = ADVANCE[model.cell] if written_out else None

    def forward(self, inputs: Tensor, training: bool) -> Tensor:  # noqa: ARG002
        """Outputs (batch, outputs) of a sequence (batch, time, features) or of tokens (batch, time)."""
        sequence = self.embedding(inputs)
        if self._advance is None:
            return self.output(self.cell(sequence)[0][:, -1])  # type: ignore[no-any-return]
        from_inputs = F.linear(sequence, self._cell("weight_ih_l0"), self._cell("bias_ih_l0"))
        h = c = sequence.new_zeros(sequence.shape[0], self._cell("weight_hh_l0").shape[1])
        for from_input in from_inputs.unbind(1):
            from_state = F.linear(h, self._cell("weight_hh_l0"), self._cell("bias_hh_l0"))
            h, c = self._advance(from_input, from_state, h, c)
        return self.output(h)  # type: ignore[no-any-return]  # modules are untyped callables

    def _cell(self, name: str) -> Tensor:
        """A parameter of the layer, or what stands for it within the compiled step."""
        found: Tensor = getattr(self.cell, name)
        return found


def make_module(request: BuildRequest) -> nn.Module:
    """For sequences of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 3, "sequences (batch, time, features) or tokens (batch, time)", tokens=True)
    return LastState(request.configuration, request.signature, written_out=request.spec.path == "jit")


def _rnn(from_input: Tensor, from_state: Tensor, _: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tanh(from_input + from_state), c


def _lstm(from_input: Tensor, from_state: Tensor, _: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, candidate, o = (from_input + from_state).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * candidate.tanh()
    return o.sigmoid() * c.tanh(), c


def _gru(from_input: Tensor, from_state: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, 1), from_state.chunk(3, 1)
    new = torch.tanh(x_n + (x_r + h_r).sigmoid() * h_n)
    return new + (x_z + h_z).sigmoid() * (h - new), c


ADVANCE: dict[str, Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]] = {
    "rnn": _rnn,
    "lstm": _lstm,
    "gru": _gru,
}
