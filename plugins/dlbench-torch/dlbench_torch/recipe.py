"""Recipe of a plugin: a factory of modules, and all stated facts about them."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from dlbench import plugin_kit
from dlbench.errors import SpecError
from dlbench.plugin import BuildRequest, Path, Spec
from dlbench_torch.mapping import FindSlot, find_slot
from dlbench_torch.misfits import require_memory
from dlbench_torch.requirements import require_float32, uncompiled

PATHS: tuple[Path, ...] = ("eager", "jit")


@dataclass(frozen=True, kw_only=True)
class Recipe(plugin_kit.Recipe):
    """A factory of modules, and the stated facts about them.

    A factory that has a keyword `request` gets the BuildRequest too. With `whole` the model's outputs are left as they
    are, of any kind. `slots` maps the canonical parameters of an architecture of the core to places in the module.
    `example` returns the inputs of a call if they are not stated.
    """

    paths: tuple[Path, ...] = PATHS
    whole: bool = False
    slots: FindSlot = find_slot
    example: Callable[[], Any] | None = None

    def module(self, spec: Spec, request: BuildRequest | None = None) -> nn.Module:
        """A module whose initial values come from the Spec's seed, without `torch.compile` around it: paths compile.

        Raises UnknownName for an option that the factory does not have, SpecError if it raises, returns no module or
        one with parameters of another type than float32, and MemoryError.
        """
        make = partial(self.make, request=request) if wants_request(self.make) else self.make
        seed(spec.seed)
        try:
            found = plugin_kit.call(make, self.options(spec), self.label)
        except SpecError as error:
            require_memory(error.__cause__ or error, self.label, "its parameters alone are too many for this machine")
            raise
        if not isinstance(found, nn.Module):
            raise SpecError(f"{self.label} made {type(found).__name__}; a factory must return a torch.nn.Module")
        require_float32(found, self.label)
        return uncompiled(found)


def wants_request(make: Callable[..., Any]) -> bool:
    """True if a factory has a keyword `request`."""
    try:
        return "request" in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False


def seed(number: int) -> None:
    """Seed the random numbers of PyTorch, NumPy and Python: a factory may draw from each of them."""
    torch.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)
