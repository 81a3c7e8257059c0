"""Adaptors: entry points of the group `dlbench.adaptors`, which make plugins of models of the user's own.

An object that no adaptor takes is refused here as no model. Names of adaptors are frameworks, loaders such as `timm`,
and packages from which classes of models come.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable

from dlbench import registry
from dlbench.errors import PluginLoadError, SpecError, UnknownName
from dlbench.plugin import ModelPlugin
from dlbench.registry import entry_points, variables
from dlbench.registry.entry_points import Entry, Group
from dlbench.spec import ModelSource, Spec

GROUP = Group("dlbench.adaptors", re.compile(r"\w[\w-]*"), "one word: letters, digits, _ and -")


def entries(name: str = "") -> list[Entry]:
    """All installed adaptors by name, or those that claim this name; broken ones included. Imports none of them."""
    return entry_points.of_group(GROUP, name)


def find(name: str) -> Entry:
    """The adaptor of this name. Raises UnknownName, and PluginLoadError when metadata shows that it cannot work."""
    for entry in entries(name):
        if entry.broken:
            raise PluginLoadError(name, entry.distribution, entry.broken)
        return entry
    advice = f"models of {name} come by custom with a package dlbench-{name}: pip install dlbench-{name}"
    raise UnknownName("framework or loader", name, {entry.name for entry in entries()}, advice)


def load_plugin(spec: Spec) -> ModelPlugin:
    """The plugin of a Spec: installed under its name, or made of the Spec's model by the adaptor of its framework.

    The environment variables of its variant are set before. Raises UnknownName, PluginLoadError, ContractViolation or
    SpecError, and Unsupported if the framework was imported without them.
    """
    variables.prepare(spec)
    if spec.model is None or ":" not in spec.model.reference:
        return registry.load(spec.plugin)
    return adapt(spec.framework, spec.model)


def adapt(adaptor: str, source: ModelSource) -> ModelPlugin:
    """The plugin that this adaptor makes of a model. Raises as `load_plugin` does."""
    entry = find(adaptor)
    return registry.require_plugin(source.reference, entry, entry_points.load(entry, GROUP, (source,)))


def of_model(reference: str, model: object) -> str:
    """The adaptor for a model that a reference returned, by the root packages of its classes.

    Raises SpecError for an object that no adaptor takes.
    """
    cls = model if isinstance(model, type) else type(model)
    roots = [base.__module__.partition(".")[0] for base in cls.__mro__]
    known = {entry.name for entry in entries()}
    for root in roots:
        if root in known:
            return root
    if model is None:
        raise SpecError(f"{reference} returned None; end it with `return` and the model")
    raise SpecError(
        f"{reference} is of type {_said(cls, roots)}, no model of {_listed(known)}; "
        f"{_missing(roots)}name a class or a factory of one"
    )


def loader(reference: str) -> str:
    """The adaptor that a reference such as `timm:resnet18` names; empty for one of the user's own code."""
    word, colon, _ = reference.partition(":")
    is_file = word.endswith(".py")
    return word if colon and not is_file and any(entry.name == word for entry in entries(word)) else ""


def _said(cls: type, roots: Iterable[str]) -> str:
    root = next(iter(roots))
    return cls.__name__ if root == "builtins" else f"{cls.__name__} of {root}"


def _missing(roots: Iterable[str]) -> str:
    """The advice to install what takes models of the packages that these classes are built on."""
    own, *others = dict.fromkeys(roots)
    built_on = ", ".join(root for root in others or [own] if root not in sys.stdlib_module_names)
    if not built_on:
        return ""
    return (
        f"it is built on {built_on}: install dlbench's package for that framework, by custom dlbench-NAME, in this "
        f"Python (for a gate in `install`, such as pip install . dlbench-NAME); else "
    )


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "any framework that is installed"
