"""A whole plugin in one call, for those who publish one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypedDict, Unpack

from torch import nn

from dlbench.plugin import InputSpec, Optimizer, Option, Path
from dlbench_torch.mapping import FindSlot
from dlbench_torch.model import TorchModel
from dlbench_torch.network import Call
from dlbench_torch.recipe import Recipe


class Stated(TypedDict, total=False):
    """Statements on a module, as `dlbench_torch.recipe.Recipe` explains them."""

    call: Call
    name: str
    task: str
    sizes: Mapping[str, Mapping[str, Option]]
    batch_sizes: Mapping[str, int]
    inputs: tuple[InputSpec, ...]
    targets: InputSpec
    output: str
    whole: bool
    loss: str | Callable[..., Any]
    optimizer: Optimizer
    paths: tuple[Path, ...]
    slots: FindSlot


def plugin(make: Callable[..., nn.Module], **stated: Unpack[Stated]) -> Callable[[], TorchModel]:
    """The factory of a plugin around the modules that `make` makes: the value of an entry point `dlbench.plugins`.

        bert = plugin(make, call=lambda model, x: model(input_ids=x).logits, task="sentiment",
                      sizes={"small": {}, "base": {"layers": 12, "hidden": 768}})

    `make` is called with the options of `--set`, over those of the size, and must take its random numbers from
    PyTorch's generator. All that is left out is found out.
    """
    named: Stated = {"name": getattr(make, "__name__", type(make).__name__), **stated}
    recipe = Recipe(make=make, **named)
    return lambda: TorchModel(recipe)
