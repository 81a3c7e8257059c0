"""Listing of the public doors: every name, and the signatures and fields behind it.

    python tests/support/doors.py > tests/golden/doors.txt

renews the kept listing; `docs/contract.md` says when that may be done.
"""

from __future__ import annotations

import ast
import importlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import dlbench
from dlbench import pytest_plugin

ROOT = Path(__file__).parents[2]
MODULES = (
    "plugin",
    "plugin_kit",
    "precision",
    "tasks",
    "architectures",
    "architectures.functional",
    "conformance",
    "errors",
)
RETURNED = {
    "analysis.compare": ("Comparison",),
    "analysis.gate": ("Outcome",),
    "analysis.judge": ("Row",),
    "api.check": ("Examination", "Examined"),
    "conformance.examine": ("Finding",),
    "record.explanation": ("Explanation", "Arm", "Profile", "Op", "Share", "Layer"),
    "record.parity": ("Parity", "Difference"),
    "report.section": ("Arm",),
}
"""Classes that functions of `dlbench` return, or that their results hold, by their modules."""
FRAMEWORKS = {
    "dlbench_jax": "plugins/dlbench-jax/dlbench_jax/adaptors.py",
    "dlbench_keras": "plugins/dlbench-keras/dlbench_keras/__init__.py",
    "dlbench_tf": "plugins/dlbench-tf/dlbench_tf/kit.py",
    "dlbench_torch": "plugins/dlbench-torch/dlbench_torch/kit.py",
}
"""Packages of frameworks whose `plugin` is public, and the files that define it: none is imported to list it."""
SPECIAL = ("__call__",)


def listing() -> str:
    """One name a line, its members below it."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "dlbench"
    for name in sorted(dlbench.__all__):
        yield from _told(name, getattr(dlbench, name), deep=dlbench._HOMES[name] not in MODULES)
    for door in MODULES:
        module = importlib.import_module(f"dlbench.{door}")
        yield f"\ndlbench.{door}"
        for name in sorted(_names(module)):
            yield from _told(name, getattr(module, name))
    for home, names in RETURNED.items():
        yield f"\ndlbench.{home}, returned"
        for name in names:
            yield from _told(name, getattr(importlib.import_module(f"dlbench.{home}"), name))
    for package, path in FRAMEWORKS.items():
        yield f"\n{package}"
        yield from _written((ROOT / path).read_text(encoding="utf-8"))
    yield "\npytest"
    yield f"  dlbench_benchmark(plugin, *, policy, {', '.join(pytest_plugin._AXES)})"


def _written(source: str) -> Iterator[str]:
    """The function `plugin` of a module, and the fields of its class `Stated`, as they are written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ClassDef) and node.name == "Stated":
            fields = [one for one in node.body if isinstance(one, ast.AnnAssign)]
            yield from (f"  Stated.{ast.unparse(one)}" for one in fields)
        elif isinstance(node, ast.FunctionDef) and node.name == "plugin":
            assert node.returns is not None
            yield f"  plugin({ast.unparse(node.args)}) -> {ast.unparse(node.returns)}"


def _names(module: ModuleType) -> list[str]:
    """Names that a module offers: `__all__`, or its definitions without a leading underscore."""
    if hasattr(module, "__all__"):
        return list(module.__all__)
    body = ast.parse(inspect.getsource(module)).body
    defined = [one.name for one in body if isinstance(one, ast.ClassDef | ast.FunctionDef)]
    assigned = [
        str(one.id)
        for part in body
        if isinstance(part, ast.Assign)
        for target in part.targets
        for one in (target.elts if isinstance(target, ast.Tuple) else [target])
        if isinstance(one, ast.Name)
    ]
    return [name for name in [*defined, *assigned] if not name.startswith("_")]


def described(door: str) -> list[str]:
    """Classes and functions of a door: names of which a reference has a description."""
    module = importlib.import_module(f"dlbench.{door}")
    return [
        name for name in _names(module) if inspect.isroutine(found := getattr(module, name)) or inspect.isclass(found)
    ]


def _told(name: str, value: Any, *, deep: bool = True) -> Iterator[str]:
    if inspect.isclass(value):
        yield f"  class {name}"
        yield from (f"    {line}" for line in _members(value)) if deep else ()
    elif callable(value) and hasattr(value, "__name__") and not hasattr(value, "__origin__"):
        yield f"  {name}{_signature(value)}"
    else:
        yield f"  {name} = {value!r}" if isinstance(value, str) else f"  {name}"


def _members(cls: type) -> Iterator[str]:
    """Fields with their types and defaults, then methods; of dlbench's own classes in its line of ancestors."""
    own = [one for one in reversed(cls.__mro__) if one.__module__.startswith("dlbench")]
    fields = {name: _kind(kind) for one in own for name, kind in inspect.get_annotations(one).items()}
    defaults = _defaults(cls)
    for name, kind in fields.items():
        if not name.startswith("_"):
            yield f"{name}: {kind}{defaults.get(name, '')}"
    methods = {name: value for one in own for name, value in vars(one).items()}
    for name, value in sorted(methods.items()):
        function = getattr(value, "__func__", value.fget if isinstance(value, property) else value)
        if inspect.isfunction(function) and (not name.startswith("_") or name in SPECIAL):
            yield f"{'property ' if isinstance(value, property) else ''}{name}{_signature(function)}"


def _kind(annotation: Any) -> str:
    """The type of a field as it is written; typed tuples hold it in a reference."""
    return str(getattr(annotation, "__forward_arg__", annotation))


def _defaults(cls: type) -> dict[str, str]:
    try:
        found = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return {}
    return {one.name: " = ..." for one in found if one.default is not one.empty}


def _signature(function: Any) -> str:
    """Parameters as they are written; a default of an object whose text has its address is left to its type."""
    found = inspect.signature(function)
    plain = [
        one if " at 0x" not in repr(one.default) else one.replace(default=type(one.default))
        for one in found.parameters.values()
    ]
    return str(found.replace(parameters=plain))


if __name__ == "__main__":
    print(listing(), end="")  # noqa: T201 (the answer to the command)
