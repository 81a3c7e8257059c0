"""Factories: classes and functions that return a model, and their keywords, which are options of it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from dlbench.errors import SpecError, UnknownName, words
from dlbench.registry.references import load_reference, users_errors


def make(text: str, options: Mapping[str, Any], folder: Path | None = None) -> Any:
    """The object that a class or factory returns when it is called with these options; an instance as it is.

    Raises as `load_reference` does, UnknownName for an option that is no keyword of the factory, and SpecError for
    options of an instance and for an exception of the factory.
    """
    found = load_reference(text, folder)
    if is_factory(found):
        return call(found, options, text)
    if options:
        raise SpecError(f"{text} is an instance and takes no options; name a class or a factory for --set")
    return found


def call(factory: Callable[..., Any], options: Mapping[str, Any], name: str) -> Any:
    """The object that a factory returns for these options; `name` is its name in messages.

    Raises UnknownName for an option that is no keyword of the factory, and SpecError if the factory raises.
    """
    check_options(factory, options, name)
    if missing := [one for one in _required(factory) if one not in options]:
        raise SpecError(
            f"{name} cannot be called without {', '.join(missing)}; give --set {missing[0]}=VALUE, or, if it is the "
            f"model itself, its framework before it: FRAMEWORK={name}"
        )
    with users_errors(name):
        return factory(**options)


def check_options(factory: Callable[..., Any], options: Mapping[str, Any], name: str) -> None:
    """Raise UnknownName, with near matches, for an option that is no keyword of the factory."""
    known = keywords(factory)
    unknown = [] if known is None else [option for option in options if option not in known]
    if known is not None and unknown:
        raise UnknownName(f"option of {name}", unknown[0], known)


def is_factory(found: object) -> bool:
    """True if calling it makes a model: a class, a function, a method or a partial one. Models can be called too."""
    return inspect.isclass(found) or inspect.isroutine(found) or isinstance(found, functools.partial)


def keywords(factory: Callable[..., Any]) -> dict[str, str] | None:
    """Names of the keywords of a factory with their defaults in words; None if it takes any or does not say."""
    parameters = _parameters(factory)
    if parameters is None or any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    by_name = (one for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY))
    return {one.name: _default(one) for one in by_name}


def _parameters(factory: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Parameters of a factory; of a class those of its `__init__`, also where its metaclass takes any. None: unsaid."""
    try:
        found = list(inspect.signature(factory).parameters.values())
        if inspect.isclass(factory) and any(one.kind is one.VAR_KEYWORD for one in found):
            found = list(inspect.signature(factory.__init__).parameters.values())[1:]
    except (TypeError, ValueError):
        return None
    return found


def _required(factory: Callable[..., Any]) -> list[str]:
    """Names of the keywords of a factory that have no default; none if it does not say."""
    parameters = _parameters(factory) or []
    kinds = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [one.name for one in parameters if one.kind in kinds and one.default is one.empty]


def _default(parameter: inspect.Parameter) -> str:
    return "" if parameter.default is parameter.empty else words.shown(parameter.default)
