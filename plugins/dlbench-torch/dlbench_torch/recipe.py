"""Recipe of a plugin: a factory of modules, and all that is stated of what it makes."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import BuildRequest, Optimizer
from dlbench.plugin_kit import check_options, users_errors
from dlbench.spec import InputSpec, Option, Path, Spec
from dlbench_torch.mapping import FindSlot, find_slot
from dlbench_torch.network import Call

PATHS: tuple[Path, ...] = ("eager", "jit")


@dataclass(frozen=True)
class Recipe:
    """A factory of modules, and what is stated of them.

    `make` is called with the options of a Spec as keywords, over those that its size stands for. Where it has a keyword
    `request` it gets the BuildRequest too. `call` runs a module on its inputs, by default by place. `output` names the
    one of several outputs that the loss reads; None leaves them as they are. `slots` says where the canonical
    parameters of an architecture live that the core describes. The rest is what `dlbench.plugin.Description` says of
    itself, `loss` a name or `file.py:function`, and `example` the inputs where they are not stated but can be had.
    """

    make: Callable[..., nn.Module]
    call: Call | None = None
    name: str = ""
    task: str = ""
    sizes: Mapping[str, Mapping[str, Option]] = field(default_factory=dict)
    batch_sizes: Mapping[str, int] = field(default_factory=dict)
    inputs: tuple[InputSpec, ...] = ()
    example: Callable[[], Any] | None = None
    targets: InputSpec | None = None
    output: str | None = ""
    loss: str = ""
    optimizer: Optimizer | None = None
    paths: tuple[Path, ...] = PATHS
    slots: FindSlot = find_slot

    @property
    def label(self) -> str:
        """How messages call the factory."""
        return self.name or getattr(self.make, "__name__", type(self.make).__name__)

    def options(self, spec: Spec) -> dict[str, Option]:
        """Keywords of the factory: those of the size, and those of the Spec over them. Raises UnknownName."""
        if self.sizes and spec.size not in self.sizes:
            raise UnknownName(f"size of {self.label}", spec.size, self.sizes)
        return {**self.sizes.get(spec.size, {}), **dict(spec.options)}

    def module(self, spec: Spec, request: BuildRequest | None = None) -> nn.Module:
        """A module whose initial values come from the Spec's seed.

        Raises UnknownName for an option that the factory does not have, and SpecError for what it raises and for what
        is no module.
        """
        make = partial(self.make, request=request) if wants_request(self.make) else self.make
        options = self.options(spec)
        check_options(make, options, self.label)
        seed(spec.seed)
        if wants_request(self.make):
            found: object = make(**options)
        else:
            with users_errors(self.label):
                found = make(**options)
        if not isinstance(found, nn.Module):
            raise SpecError(f"{self.label} made {type(found).__name__}; a factory must return a torch.nn.Module")
        return found

    def with_output(self, output: str) -> Recipe:
        """The same, with another output for the loss to read."""
        return replace(self, output=output)


def wants_request(make: Callable[..., Any]) -> bool:
    """Whether a factory has a keyword `request`."""
    try:
        return "request" in inspect.signature(make).parameters
    except (TypeError, ValueError):
        return False


def seed(number: int) -> None:
    """Start the random numbers of PyTorch, NumPy and Python anew: a factory may draw from each of them."""
    torch.manual_seed(number)
    np.random.seed(number % 2**32)
    random.seed(number)
