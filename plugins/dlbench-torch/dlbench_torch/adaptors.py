"""Adaptors: a plugin of a module without a plugin package, from the user's own code or from a package of models."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from torch import nn

from dlbench.errors import SpecError
from dlbench.plugin import ModelSource
from dlbench.plugin_kit import example_inputs, is_factory, load_reference
from dlbench_torch import loaders
from dlbench_torch.model import TorchModel
from dlbench_torch.recipe import Recipe, seed

LOADERS: Mapping[str, Callable[[str, ModelSource], Recipe]] = {
    "timm": loaders.timm,
    "torchvision": loaders.torchvision,
    "hf": loaders.transformers,
    "hf-tiny": partial(loaders.transformers, shrunk=True),
}
"""Loaders by the word before the colon of a reference."""


def torch(source: ModelSource) -> TorchModel:
    """The plugin of a module.

    Raises SpecError if the reference cannot be imported, is no module, or needs a package that is not installed;
    UnknownName for a name that its place does not have.
    """
    word, _, name = source.reference.partition(":")
    recipe = LOADERS[word](name, source) if word in LOADERS else _of_reference(source.reference)
    stated = {field: getattr(source, field) for field in ("inputs", "targets", "output", "loss")}
    return TorchModel(replace(recipe, **{field: value for field, value in stated.items() if value}))


def _of_reference(reference: str) -> Recipe:
    """Recipe of a class, a factory or an instance in the user's own code."""
    seed(0)  # an instance is made when its module is imported
    found = load_reference(reference)
    name = reference.rpartition(":")[2]
    if isinstance(found, nn.Module):
        return Recipe(make=lambda: copy.deepcopy(found), name=name, example=example_inputs(reference))
    is_class = isinstance(found, type)
    if not is_factory(found) or (is_class and not issubclass(found, nn.Module)):
        kind = f"the class {found.__name__}" if is_class else f"an object of {type(found).__name__}"
        raise SpecError(f"{reference} is {kind}, no torch.nn.Module; name a class, a factory or an instance of one")
    return Recipe(make=found, name=name, example=example_inputs(reference))
