"""A whole plugin in one call, for those who publish one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Unpack

from torch import nn

from dlbench import plugin_kit
from dlbench_torch.mapping import FindSlot
from dlbench_torch.model import TorchModel
from dlbench_torch.recipe import Recipe


class Stated(plugin_kit.Stated, total=False):
    """Statements on a module, as `dlbench_torch.recipe.Recipe` explains them."""

    whole: bool
    slots: FindSlot


def plugin(make: Callable[..., nn.Module], **stated: Unpack[Stated]) -> Callable[[], TorchModel]:
    """The factory of a plugin around the modules that `make` makes: the value of an entry point `dlbench.plugins`.

        bert = plugin(make, call=lambda model, x: model(input_ids=x).logits, task="sentiment",
                      sizes={"small": {}, "base": {"layers": 12, "hidden": 768}})

    `make` is called with the options of `--set`, over those of the size, and must take its random numbers from
    PyTorch's generator. Omitted facts are found out.
    """
    recipe = Recipe(make=make, **stated)
    return lambda: TorchModel(recipe)
