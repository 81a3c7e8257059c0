"""The architectures as `nn.Module`s, for `torch_programs`."""

from __future__ import annotations

import itertools
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan
from torch.nn import functional as F  # noqa: N812 (PyTorch's own custom)

from studies.expert_step import Problem

UNROLLED = 16
CELLS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}


def make(problem: Problem, *, compiled: bool = False) -> nn.Module:
    """Any architecture; for the compiler, which cannot look into `nn.LSTM`, with the cell written out."""
    shape, outputs = problem.signature.inputs.shape[1:], problem.signature.outputs.shape[-1]
    match problem.architecture:
        case "mlp":
            return nn.Sequential(nn.Flatten(), *_stack([math.prod(shape), *problem.sizes.widths, outputs], nn.ReLU()))
        case "cnn":
            return CNN(problem, shape, outputs)
        case "transformer":
            return Transformer(problem)
        case "gan":
            return GAN(problem)
    return (WrittenOut if compiled else Recurrent)(problem)


class CNN(nn.Module):
    """Channels last."""

    def __init__(self, problem: Problem, shape: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        side, channels = shape[0], shape[-1]
        parts: list[nn.Module] = []
        for wide in problem.sizes.channels:
            parts += [nn.Conv2d(channels, wide, 3), nn.ReLU(), nn.MaxPool2d(2)]
            side, channels = (side - 2) // 2, wide
        head = _stack([side * side * channels, problem.sizes.units, outputs], nn.ReLU())
        self.layers = nn.Sequential(*parts, nn.Flatten(), *head).to(memory_format=torch.channels_last)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(images.permute(0, 3, 1, 2))


class Recurrent(nn.Module):
    """PyTorch's own layer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        cell, units = CELLS[problem.architecture], problem.sizes.units
        self.cell = cell(problem.signature.inputs.shape[-1], units, batch_first=True)
        if problem.architecture != "gru":  # the other cells have one bias, as the plugin does
            self.cell.bias_hh_l0.requires_grad_(requires_grad=False).zero_()
        self.output = nn.Linear(units, problem.signature.outputs.shape[-1])

    def forward(self, sequence: Tensor) -> Tensor:
        return self.output(self.cell(sequence)[0][:, -1])


class WrittenOut(nn.Module):
    """Recurrent layer of time steps one by one, or a loop over them if unrolling would take the compiler minutes."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.units, self.kind = problem.sizes.units, problem.architecture
        wide = {"rnn": 1, "lstm": 4, "gru": 3}[self.kind] * self.units
        self.inputs = nn.Linear(problem.signature.inputs.shape[-1], wide)
        self.states = nn.Linear(self.units, wide, bias=self.kind == "gru")
        self.output = nn.Linear(self.units, problem.signature.outputs.shape[-1])

    def forward(self, sequence: Tensor) -> Tensor:
        h = c = sequence.new_zeros(sequence.shape[0], self.units)
        xs = self.inputs(sequence).transpose(0, 1)
        if len(xs) > UNROLLED:
            return self.output(scan(self.step, (h, c.clone()), xs)[0][0])
        for x in xs:
            h, c = self.advance(x, self.states(h), h, c)
        return self.output(h)

    def step(self, state: tuple[Tensor, Tensor], x: Tensor) -> Any:
        h, c = self.advance(x, self.states(state[0]), *state)
        return (h, c.clone()), h.clone()

    def advance(self, x: Tensor, s: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        if self.kind == "rnn":
            return torch.tanh(x + s), c
        if self.kind == "lstm":
            i, f, g, o = (x + s).chunk(4, 1)
            c = f.sigmoid() * c + i.sigmoid() * g.tanh()
            return o.sigmoid() * c.tanh(), c
        (xr, xz, xn), (sr, sz, sn) = x.chunk(3, 1), s.chunk(3, 1)
        return torch.lerp(torch.tanh(xn + (xr + sr).sigmoid() * sn), h, (xz + sz).sigmoid()), c


class Block(nn.Module):
    """Attention with queries, keys and values in one layer, and a feed-forward network; dropout is on."""

    def __init__(self, sizes: Any) -> None:
        super().__init__()
        inner, self.sizes = sizes.heads * sizes.key_dim, sizes
        self.packed, self.projection = nn.Linear(sizes.width, 3 * inner), nn.Linear(inner, sizes.width)
        self.expand, self.contract = (
            nn.Linear(sizes.width, sizes.feed_forward),
            nn.Linear(sizes.feed_forward, sizes.width),
        )
        self.norm1, self.norm2 = (nn.LayerNorm(sizes.width, eps=sizes.norm_epsilon) for _ in range(2))

    def forward(self, rows: Tensor) -> Tensor:
        s = self.sizes
        parts = self.packed(rows).view(*rows.shape[:2], 3, s.heads, s.key_dim).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(*parts.unbind(0), is_causal=True)
        attended = self.projection(mixed.transpose(1, 2).flatten(2))
        rows = self.norm1(rows + F.dropout(attended, s.dropout))
        return self.norm2(rows + F.dropout(self.contract(F.relu(self.expand(rows))), s.dropout))


class Transformer(nn.Module):
    """Tokens to logits."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        sizes = problem.sizes
        self.tokens = nn.Embedding(problem.signature.vocabulary or 0, sizes.width)
        self.positions = nn.Parameter(torch.zeros(sizes.sequence, sizes.width))
        self.blocks = nn.Sequential(*(Block(sizes) for _ in range(sizes.blocks)))
        self.output = nn.Linear(sizes.width, problem.signature.outputs.shape[-1])

    def forward(self, tokens: Tensor) -> Tensor:
        return self.output(self.blocks(self.tokens(tokens) + self.positions))


class GAN(nn.Module):
    """Both networks; the discriminator's logits of generated and of real images."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        noise, pixels = problem.signature.inputs.shape[-1], math.prod(problem.signature.outputs.shape[1:])
        self.generator = nn.Sequential(*_stack([noise, *problem.sizes.generator, pixels], nn.LeakyReLU()), nn.Tanh())
        self.discriminator = nn.Sequential(*_stack([pixels, *problem.sizes.discriminator, 1], nn.LeakyReLU()))

    def forward(self, noise: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        fake = self.generator(noise)
        return self.discriminator(fake), self.discriminator(real.flatten(1))


def _stack(sides: list[int], activation: nn.Module) -> list[nn.Module]:
    linear = [nn.Linear(*pair) for pair in itertools.pairwise(sides)]
    return [layer for each in linear[:-1] for layer in (each, activation)] + linear[-1:]
