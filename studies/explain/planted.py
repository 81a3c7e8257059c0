"""A perceptron, and the same with one planted difference each, of which a step's category is known."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

WIDTH = 512
INPUT = f"128x{WIDTH}"


class Planted(NamedTuple):
    """A change of the hidden values, and its category, or the categories that may stand for it."""

    change: Callable[[Tensor], Tensor]
    categories: tuple[str, ...]


def _extra_product(values: Tensor) -> Tensor:
    with torch.no_grad():
        for _ in range(4):
            values @ values.T @ values
    return values


def _layout(values: Tensor) -> Tensor:
    for _ in range(12):
        values = values.T.contiguous().T.contiguous()
    return values


def _tiny(values: Tensor) -> Tensor:
    for _ in range(200):
        values = values.view(values.shape)
    return values


def _reduced(values: Tensor) -> Tensor:
    return values + sum(values.detach().std(dim=1, keepdim=True) for _ in range(6)) * 0.0


def _doubled(values: Tensor) -> Tensor:
    for _ in range(30):
        values = values.double().float()
    return values


def _on_the_host(values: Tensor) -> Tensor:
    whole = values.detach().repeat(8, 1)  # large copies, beside which the way there and back is short
    copied = whole
    for _ in range(6):
        copied = torch.from_numpy(whole.numpy()).clone()
    return values + 0.0 * copied[: len(values)]


def _asleep(values: Tensor) -> Tensor:
    time.sleep(3e-3)
    return values


def _busy(values: Tensor) -> Tensor:
    sum(number * number for number in range(50_000))
    return values


def _recompiled(values: Tensor) -> Tensor:
    """A function that PyTorch traces and compiles (TorchScript) in every step once more."""
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        trace: Any = torch.jit.trace
        trace(lambda one: torch.relu(one) * 0.5, values[:1], check_trace=False)
    return values


def _normal(values: Tensor) -> Tensor:
    for _ in range(14):
        values = nn.functional.layer_norm(values, (WIDTH,))
    return values


def _elementwise(values: Tensor) -> Tensor:
    for _ in range(12):
        values = torch.tanh(values)
    return values


def _random(values: Tensor) -> Tensor:
    with torch.no_grad():
        for _ in range(12):
            torch.rand_like(values)
    return values


def _gathered(values: Tensor) -> Tensor:
    for _ in range(36):
        values = values.index_select(0, torch.arange(len(values)))
    return values


def _convolved(values: Tensor) -> Tensor:
    with torch.no_grad():
        for _ in range(3):
            nn.functional.conv1d(values[:80, None], torch.ones(16, 1, 5))
    return values


def _attended(values: Tensor) -> Tensor:
    with torch.no_grad():
        heads = values.view(1, 4, 256, 64)
        for _ in range(2):
            nn.functional.scaled_dot_product_attention(heads, heads, heads)
    return values


def _joined(values: Tensor) -> Tensor:
    for _ in range(20):
        values = torch.cat([values[:, 256:], values[:, :256]], 1)
    return values


def _batched(values: Tensor) -> Tensor:
    with torch.no_grad():
        pairs = values.view(8, 64, 128)
        for _ in range(12):
            torch.bmm(pairs, pairs.transpose(1, 2))
    return values


def _cumulated(values: Tensor) -> Tensor:
    with torch.no_grad():
        for _ in range(36):
            torch.cumsum(values, 1)
    return values


def _weighted(values: Tensor) -> Tensor:
    with torch.no_grad():
        for _ in range(45):
            torch.softmax(values, 1)
    return values


PLANTED: dict[str, Planted] = {
    "extra_product": Planted(_extra_product, ("matrix product",)),
    "layout": Planted(_layout, ("data movement",)),
    "tiny_operations": Planted(_tiny, ("dispatch", "Python")),
    "reduction": Planted(_reduced, ("reduction",)),
    "float64_detour": Planted(_doubled, ("data movement",)),
    "host_copy": Planted(_on_the_host, ("data movement",)),
    "sleep": Planted(_asleep, ("Python",)),
    "busy_python": Planted(_busy, ("Python",)),
    "recompilation": Planted(_recompiled, ("Python", "dispatch")),
    "normalisation": Planted(_normal, ("normalisation",)),
    "elementwise": Planted(_elementwise, ("elementwise",)),
    "random": Planted(_random, ("random",)),
    "gather": Planted(_gathered, ("embedding",)),
    "convolution": Planted(_convolved, ("convolution",)),
    "attention": Planted(_attended, ("attention",)),
    "concatenation": Planted(_joined, ("data movement",)),
    "batched_product": Planted(_batched, ("matrix product",)),
    "cumulated": Planted(_cumulated, ("reduction",)),
    "softmax": Planted(_weighted, ("reduction",)),
}


class Perceptron(nn.Module):
    """Three layers; `planted` names the change of the values of the first, or is `none`."""

    def __init__(self, planted: str = "none") -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.change = PLANTED[planted].change if planted in PLANTED else None

    def forward(self, values: Tensor) -> Tensor:
        for number, layer in enumerate(self.layers):
            values = torch.relu(layer(values))
            if number == 0 and self.change is not None:
                values = self.change(values)
        return values
