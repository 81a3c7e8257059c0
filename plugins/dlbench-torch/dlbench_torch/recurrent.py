"""The core's rnn, lstm and gru (`dlbench.architectures.recurrent`): PyTorch's layer, or its time steps written out.

The compiler cannot look into `nn.LSTM` and its like: a step over them compiles to no graph at all. On the path jit
the same parameters go through a loop over time, which a short sequence has unrolled, within one graph.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from dlbench.architectures.recurrent import Recurrent
from dlbench.plugin import BuildRequest, Signature
from dlbench.plugin_kit import require_task
from dlbench_torch import loop, openxla
from dlbench_torch.cells import ADVANCE
from dlbench_torch.layers import Embedding

LAYERS: dict[str, Callable[..., nn.RNNBase]] = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


class Bare(nn.Module):
    """The parameters of a layer under their names, without the layer: Dynamo refuses a module that holds one."""

    def __init__(self, layer: nn.RNNBase) -> None:
        super().__init__()
        for name, parameter in layer.named_parameters():
            self.register_parameter(name, parameter)


class LastState(nn.Module):
    """A recurrent layer over a sequence, its last state into a linear layer; written out, a loop if not `unrolled`."""

    def __init__(self, model: Recurrent, signature: Signature, *, written_out: bool, unrolled: int) -> None:
        super().__init__()
        tokens = signature.vocabulary is not None
        self.embedding = Embedding(signature, model.units, positions=False) if tokens else nn.Identity()
        features = model.units if tokens else signature.inputs.shape[-1]
        layer = LAYERS[model.cell](features, model.units, batch_first=True)
        self.cell: nn.Module = Bare(layer) if written_out else layer
        if model.cell != "gru":  # one bias of the two is live, as in the core
            nn.init.zeros_(self._cell("bias_hh_l0")).requires_grad_(False)
        self.output = nn.Linear(model.units, signature.outputs.shape[-1])
        self._kind, self._written_out, self._longest = model.cell, written_out, unrolled

    def forward(self, inputs: Tensor) -> Tensor:
        """Outputs (batch, outputs) of a sequence (batch, time, features) or of tokens (batch, time)."""
        sequence = self.embedding(inputs)
        if not self._written_out:
            return self.output(self.cell(sequence)[0][:, -1])  # type: ignore[no-any-return]
        from_inputs = F.linear(sequence, self._cell("weight_ih_l0"), self._cell("bias_ih_l0")).transpose(0, 1)
        zeros = sequence.new_zeros(sequence.shape[0], self._cell("weight_hh_l0").shape[1])
        last_state = loop.last_state if len(from_inputs) > self._longest else _unrolled
        weight, bias = (self._cell(name).to(from_inputs.dtype) for name in ("weight_hh_l0", "bias_hh_l0"))
        return self.output(last_state(self._kind, from_inputs, weight, bias, zeros))  # type: ignore[no-any-return]

    def _cell(self, name: str) -> Tensor:
        """A parameter of the layer, or its replacement within the compiled step."""
        found: Tensor = getattr(self.cell, name)
        return found


def make_module(request: BuildRequest) -> nn.Module:
    """A module for sequences of the request's shape. Raises Unsupported for anything else."""
    require_task(request, 3, "sequences (batch, time, features) or tokens (batch, time)", tokens=True)
    spec, steps = request.spec, request.signature.inputs.shape[1]
    unrolled = steps if spec.compiler == openxla.NAME else loop.UNROLLED  # XLA is not given the loop's operators
    return LastState(request.configuration, request.signature, written_out=spec.path == "jit", unrolled=unrolled)


def _unrolled(cell: str, from_inputs: Tensor, weight: Tensor, bias: Tensor, zeros: Tensor) -> Tensor:
    h = c = zeros
    for from_input in from_inputs.unbind():
        h, c = ADVANCE[cell](from_input, F.linear(h, weight, bias), h, c)
    return h
