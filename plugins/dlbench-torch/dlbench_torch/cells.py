"""One time step of each recurrent cell, forward and back: the part after the matrix products, in PyTorch's gate order.

`from_input` and `from_state` are (batch, gates x units): the products with the input and with h.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Advance = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]
"""`from_input`, `from_state`, h and c to the next h and c; only an LSTM has a c, the others hand it on."""
Retreat = Callable[[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor, Tensor, Tensor]]
"""The derivatives by the next h and c, then the arguments of `Advance`, to the derivatives by each of these four."""


def _rnn(from_input: Tensor, from_state: Tensor, _: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    return torch.tanh(from_input + from_state), c


def _rnn_back(
    by_h: Tensor, by_c: Tensor, from_input: Tensor, from_state: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    by_sum = by_h * (1 - _rnn(from_input, from_state, h, c)[0].square())
    return by_sum, by_sum, torch.zeros_like(h), by_c


def _lstm(from_input: Tensor, from_state: Tensor, _: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, candidate, o = (from_input + from_state).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * candidate.tanh()
    return o.sigmoid() * c.tanh(), c


def _lstm_back(
    by_h: Tensor, by_c: Tensor, from_input: Tensor, from_state: Tensor, h: Tensor, c: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    i, f, candidate, o = (from_input + from_state).chunk(4, 1)
    i, f, candidate, o = i.sigmoid(), f.sigmoid(), candidate.tanh(), o.sigmoid()
    shown = (f * c + i * candidate).tanh()
    by_c = by_c + by_h * o * (1 - shown.square())
    by_i, by_f = by_c * candidate * _slope(i), by_c * c * _slope(f)
    by_candidate, by_o = by_c * i * (1 - candidate.square()), by_h * shown * _slope(o)
    by_sum = torch.cat([by_i, by_f, by_candidate, by_o], 1)
    return by_sum, by_sum, torch.zeros_like(h), by_c * f


def _gru(from_input: Tensor, from_state: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, 1), from_state.chunk(3, 1)
    new = torch.tanh(x_n + (x_r + h_r).sigmoid() * h_n)
    return new + (x_z + h_z).sigmoid() * (h - new), c


def _gru_back(
    by_h: Tensor, by_c: Tensor, from_input: Tensor, from_state: Tensor, h: Tensor, _: Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (x_r, x_z, x_n), (h_r, h_z, h_n) = from_input.chunk(3, 1), from_state.chunk(3, 1)
    r, z = (x_r + h_r).sigmoid(), (x_z + h_z).sigmoid()
    new = torch.tanh(x_n + r * h_n)
    by_n = by_h * (1 - z) * (1 - new.square())
    by_r, by_z = by_n * h_n * _slope(r), by_h * (h - new) * _slope(z)
    return torch.cat([by_r, by_z, by_n], 1), torch.cat([by_r, by_z, by_n * r], 1), by_h * z, by_c


def _slope(sigmoid: Tensor) -> Tensor:
    return sigmoid * (1 - sigmoid)


ADVANCE: dict[str, Advance] = {"rnn": _rnn, "lstm": _lstm, "gru": _gru}
RETREAT: dict[str, Retreat] = {"rnn": _rnn_back, "lstm": _lstm_back, "gru": _gru_back}
