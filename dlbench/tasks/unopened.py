"""Rows of tasks of other packages as their source states them: a listing reads it, and imports nothing."""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from importlib.machinery import ModuleSpec, PathFinder
from typing import Any, cast

from dlbench.registry.entry_points import Entry
from dlbench.tasks.table import TaskRow, fault, first_line, plain


def looked_at(entry: Entry) -> tuple[Entry, TaskRow | None]:
    """A task with its row, if that is known; it is broken if its source cannot be read."""
    try:
        return entry, None if entry.broken else stated(entry)
    except (SyntaxError, ValueError, ImportError) as error:
        return replace(entry, broken=f"the source of {entry.value} cannot be read: {error}"), None


def stated(entry: Entry) -> TaskRow | None:
    """The row of a task; None if its module does not state it in plain words, or has no source.

    Raises SyntaxError or ValueError for a source that is no Python, and ImportError for one that cannot be read.
    """
    module, _, name = (part.strip() for part in entry.value.partition("[")[0].partition(":"))
    rows = [_row(node) for node in ast.parse(_source(module)).body if name in _names(node)]
    return rows[-1] if rows else None


def _names(node: ast.stmt) -> Iterator[str]:
    """Names that a statement of a module gives to a function or a value."""
    match node:
        case ast.FunctionDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def _row(node: ast.stmt) -> TaskRow | None:
    match node:
        case ast.FunctionDef():
            return plain(TaskRow("", first_line(ast.get_docstring(node))))
        case ast.Assign(value=ast.Call() as call) | ast.AnnAssign(value=ast.Call() as call):
            return _called(call)
    return None


def _called(call: ast.Call) -> TaskRow | None:
    """The row of `TaskRow(open_task, "summary", fits=("mlp",))`; None for another call and for computed words."""
    if getattr(call.func, "id", getattr(call.func, "attr", "")) != TaskRow.__name__:
        return None
    if any(isinstance(one, ast.Starred) for one in call.args) or any(one.arg is None for one in call.keywords):
        return None  # unpacked: what is given is not in the call
    given = dict(zip(TaskRow._fields, call.args, strict=False)) | {one.arg: one.value for one in call.keywords}
    try:
        words: dict[str, Any] = {name: ast.literal_eval(given[name]) for name in ("summary", "fits") if name in given}
    except (ValueError, TypeError):  # TypeError: a key that cannot be one
        return None
    row = TaskRow("", **words)
    return None if fault(row.summary, row.fits) else plain(row)


def _source(module: str) -> str:
    """The text of a module, found without importing a package that it lies in; empty if there is none."""
    first, *rest = module.split(".")
    spec = importlib.util.find_spec(first)
    for part in rest:
        spec = _within(spec, part)
    get_source = getattr(spec and spec.loader, "get_source", None)
    return "" if spec is None or get_source is None else cast("str | None", get_source(spec.name)) or ""


def _within(package: ModuleSpec | None, name: str) -> ModuleSpec | None:
    if package is None or package.submodule_search_locations is None:
        return None
    return PathFinder.find_spec(f"{package.name}.{name}", package.submodule_search_locations)
