"""Keyword arguments of the public functions: options of the command line, by the same names, their values checked."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any, NamedTuple, TypeAlias, TypedDict

from dlbench.api import subjects
from dlbench.errors import SpecError, UnknownName
from dlbench.spec import (
    AXES,
    CLAUSE_SECONDS,
    ISOLATIONS,
    PROCESS_SECONDS,
    Axis,
    AxisKeywords,
    ModelKeywords,
    Several,
)

Names: TypeAlias = Several[str]
Source = str | os.PathLike[str]
OF_PROCESS, OF_CLAUSE = PROCESS_SECONDS, CLAUSE_SECONDS
"""Defaults of `timeout`: of a process of `check_parity`, and of a clause of `check`."""


class Option(NamedTuple):
    """An option: the type of its value, the allowed values, the default, and `several` for more than one value."""

    kind: type
    choices: tuple[str, ...] = ()
    default: object = None
    several: bool = False
    files: tuple[str, ...] = ()


def _several(kind: type, choices: tuple[str, ...] = (), files: tuple[str, ...] = ()) -> Option:
    return Option(kind, choices, (), several=True, files=files)


def _flag(*, default: bool = False) -> Option:
    return Option(bool, default=default)


def _of_axis(axis: Axis) -> Option:
    if axis.kind is bool:
        return _flag()
    return _several(axis.kind, axis.choices, axis.files) if axis.several else Option(axis.kind, axis.choices)


MODEL_OPTIONS: Mapping[str, Option] = {
    "model": _several(object),
    **dict.fromkeys(("input", "tokens"), _several(str)),
    **dict.fromkeys(("vocabulary", "classes"), Option(int)),
    **dict.fromkeys(("targets", "output", "loss", "optimizer", "target", "convert"), Option(str, default="")),
}
"""Options of models of the user's own; `model` may be a class or a factory."""
OPTIONS: Mapping[str, Option] = {
    **{axis.option: _of_axis(axis) for axis in AXES.values() if axis.option and axis.field != "plugin"},
    **MODEL_OPTIONS,
    "jit": _flag(),
    "env": _several(str),
    "find_links": _several(str),
    "quick": _flag(),
    "rigorous": _flag(),
    "adaptive": _flag(),
    "processes": Option(int),
    "budget": Option(float),
    "timeout": Option(float),
    "cold": _flag(),
    "memory_limit": Option(str, default=""),
    "isolation": Option(str, ISOLATIONS),
    "cluster": Option(str, default=""),
    "parity": _flag(default=True),
    "explain": _flag(),
    "fail_on": _several(str),
    "confirm": _flag(),
    "strict": _flag(),
    "allow": _several(str),
    "history": _several(FilePath),
    "against": Option(FilePath),
    "out": Option(FilePath),
    "resume": Option(FilePath),
    "format": _several(str),
}
"""The options of `dlbench run` that are arguments of `dlbench.run`."""


class GateKeywords(TypedDict, total=False):
    """The gate of a session or a comparison."""

    fail_on: Several[str]
    confirm: bool
    strict: bool
    allow: Several[str]
    history: Several[Source]
    out: Source | None


class SourceKeywords(TypedDict, total=False):
    """The user's own models, as references or as classes and factories, and the statements about them."""

    model: Several[Any]
    input: Several[str]
    tokens: Several[str]
    vocabulary: int | None
    classes: int | None
    targets: str
    output: str
    loss: str
    optimizer: str
    target: str
    convert: str


class ParityKeywords(ModelKeywords, SourceKeywords, total=False):
    """Everything that `dlbench parity` takes."""

    jit: bool


class SessionKeywords(AxisKeywords, SourceKeywords, total=False):
    """Everything that says what a session measures and how."""

    jit: bool
    env: Several[str]
    find_links: Several[str]
    quick: bool
    rigorous: bool
    adaptive: bool
    processes: int | None
    budget: float | None
    timeout: float | None
    cold: bool
    memory_limit: str
    isolation: str | None


class ExplainKeywords(SessionKeywords, total=False):
    """Everything that `dlbench explain` takes."""

    out: Source | None


class RunKeywords(SessionKeywords, GateKeywords, total=False):
    """Everything that `dlbench run` takes."""

    cluster: str
    parity: bool
    explain: bool
    against: Source | None
    resume: Source | None
    format: Several[str]


def complete(given: Mapping[str, Any], known: Collection[str] = tuple(OPTIONS)) -> dict[str, Any]:
    """The options with these names, defaults filled in, as the command line would have read them.

    Raises UnknownName for a name or a value that does not exist, SpecError for a value of another type.
    """
    for name in given:
        if name not in known:
            raise UnknownName("option", name, known)
    return {name: _read(name, OPTIONS[name], given.get(name, OPTIONS[name].default)) for name in known}


def names(plugins: object) -> tuple[str, ...]:
    """One name or several. Raises SpecError for anything else."""
    found: tuple[str, ...] = _read("plugins", _several(str), plugins)
    return found


def _read(name: str, option: Option, value: Any) -> Any:
    if not option.several:
        return None if value is None and option.default is None else _one(name, option, value)
    if isinstance(value, Mapping):
        example = f", such as {[f'{key}={part}' for key, part in value.items()]}" if name == "set" and value else ""
        raise SpecError(f"{name} is {value!r}: it must be one value, or a list of several{example}")
    one = isinstance(value, str | os.PathLike) or not isinstance(value, Iterable)
    found = tuple(_one(name, option, part) for part in ([value] if one else value))
    return found if option.kind is object else tuple(dict.fromkeys(found))


def _one(name: str, option: Option, value: Any) -> Any:
    if option.kind is object:
        return subjects.reference_of(value)
    if option.kind is FilePath:
        if isinstance(value, str | os.PathLike):
            return FilePath(value)
    elif isinstance(value, bool) == (option.kind is bool) and isinstance(value, _accepted(option.kind)):
        if option.choices and value not in option.choices and not str(value).endswith(option.files or ("\n",)):
            files = f"or give a file that ends in {', '.join(option.files)}" if option.files else ""
            raise UnknownName(name, str(value), option.choices, files)
        return option.kind(value)
    wanted = {bool: "True or False", int: "a whole number", float: "a number", str: "text", FilePath: "a path"}
    raise SpecError(f"{name} is {value!r}: it must be {wanted[option.kind]}")


def _accepted(kind: type) -> tuple[type, ...]:
    return (int, float) if kind is float else (kind,)
