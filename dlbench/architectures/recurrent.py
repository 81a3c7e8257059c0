"""One recurrent layer over a sequence, its last state into a dense layer: plain (Elman), LSTM and GRU.

Features go straight in; tokens are first looked up in `embedding/tokens` (vocabulary, u). Canonical parameters,
float32, with u units and g gates side by side: `cell/kernel` (features, g u), `cell/recurrent` (u, g u), `cell/bias`
(g u); then `output/kernel`, `output/bias`. States start at zero. Gates, in this order:

    rnn     1: h' = tanh(a)
    lstm    i f c o (Hochreiter and Schmidhuber, 1997; Gers et al., 2000): a = x kernel + h recurrent + bias;
            c' = sigmoid(f) c + sigmoid(i) tanh(c~), h' = sigmoid(o) tanh(c')
    gru     z r n (Cho et al., 2014, with the reset gate after the product, as cuDNN does): `cell/bias` and
            `cell/recurrent_bias` apart; n' = tanh(x_n + sigmoid(r) (h recurrent_n + recurrent_bias_n)),
            h' = sigmoid(z) h + (1 - sigmoid(z)) n'
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec
import numpy as np

from dlbench.architectures.initializers import Floats, Initial, dense, draw
from dlbench.architectures.layers import Doubles, affine, doubles, sigmoid
from dlbench.architectures.sequences import embed_inputs, embedding
from dlbench.plugin import Signature

Cell = Literal["rnn", "lstm", "gru"]
GATES: dict[Cell, int] = {"rnn": 1, "lstm": 4, "gru": 3}
DEFAULT_TASK = "synthetic"


class Recurrent(msgspec.Struct, frozen=True, kw_only=True):
    """The kind of cell, its units, and (steps, features) of the sequences that this size is stated for."""

    cell: Cell
    units: int
    batch_size: int
    input_shape: tuple[int, ...] | None = None

    def initials(self, signature: Signature) -> dict[str, Initial]:
        """Shape and rule of every parameter."""
        wide = GATES[self.cell] * self.units
        features = self.units if signature.vocabulary is not None else signature.inputs.shape[-1]
        initials = embedding(signature, self.units, project=False) | {
            "cell/kernel": Initial((features, wide)),
            "cell/recurrent": Initial((self.units, wide), "orthogonal"),
            "cell/bias": Initial((wide,), "zeros"),
        }
        if self.cell == "gru":
            initials["cell/recurrent_bias"] = Initial((wide,), "zeros")
        return initials | dense("output", self.units, signature.outputs.shape[-1])

    def initial_parameters(self, signature: Signature, seed: int) -> dict[str, Floats]:
        """Initial values by canonical name; same seed, same values."""
        return draw(self.initials(signature), seed)

    def flops_per_step(self, signature: Signature) -> float:
        """Two per multiply-add of the matrix products of every time step, three times for forward and backward."""
        initials, (batch, steps) = self.initials(signature), signature.inputs.shape[:2]
        cell = initials["cell/kernel"].multiply_adds + initials["cell/recurrent"].multiply_adds
        return 3.0 * 2.0 * batch * (steps * cell + initials["output/kernel"].multiply_adds)

    def forward(self, parameters: Mapping[str, Any], inputs: Any, signature: Signature) -> Floats:  # noqa: ARG002
        """Outputs (batch, outputs), computed in float64."""
        p = doubles(parameters)
        h = c = np.zeros((len(inputs), self.units))
        for x in np.moveaxis(embed_inputs(p, inputs), 1, 0):
            from_input = x @ p["cell/kernel"] + p["cell/bias"]
            h, c = self._advance(p, from_input, h, c)
        return affine(p, "output", h).astype(np.float32)

    def _advance(
        self, p: Mapping[str, Doubles], from_input: Doubles, h: Doubles, c: Doubles
    ) -> tuple[Doubles, Doubles]:
        from_state = h @ p["cell/recurrent"]
        match self.cell:
            case "rnn":
                return np.tanh(from_input + from_state), c
            case "lstm":
                i, f, candidate, o = np.split(from_input + from_state, 4, axis=-1)
                c = sigmoid(f) * c + sigmoid(i) * np.tanh(candidate)
                return np.asarray(sigmoid(o) * np.tanh(c)), c
            case "gru":
                x_z, x_r, x_n = np.split(from_input, 3, axis=-1)
                h_z, h_r, h_n = np.split(from_state + p["cell/recurrent_bias"], 3, axis=-1)
                keep = sigmoid(x_z + h_z)
                return np.asarray(keep * h + (1.0 - keep) * np.tanh(x_n + sigmoid(x_r + h_r) * h_n)), c


def sizes(cell: Cell) -> dict[str, Recurrent]:
    """The three sizes of one kind of cell."""
    return {
        "small": Recurrent(cell=cell, units=50, batch_size=32, input_shape=(10, 1)),
        "base": Recurrent(cell=cell, units=256, batch_size=64, input_shape=(64, 64)),
        "large": Recurrent(cell=cell, units=2048, batch_size=256, input_shape=(128, 256)),
    }
