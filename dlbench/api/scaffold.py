"""New packages of plugins and tasks, from templates that are part of dlbench.

A folder of `templates` is a framework if it has an `about.toml`; `package`, `model` and `task` are parts of packages.
In names and texts of files NAME and `@word@` stand for the values of `_values`.
"""

from __future__ import annotations

import ast
import builtins
import importlib.util
import json
import keyword
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlbench import architectures
from dlbench.errors import SpecError, UnknownName
from dlbench.plugin import CONTRACT_VERSION
from dlbench.tasks import TASKS

TEMPLATES = Path(__file__).with_name("templates")
ENDING = ".in"
"""Ending of a template: no tool takes it for a file of its own."""
REQUIRED = "dlbench>=0.1,<2"
"""Range on dlbench of a new package."""

NAME = re.compile(r"[a-z]([a-z0-9_]{0,28}[a-z0-9])?")
"""Part of the names of a module and of a project; a project's may not end with _."""
CHECK = "\n`dlbench check --fix-hints` says of each broken clause what mends it.\n"
"""Advice for a package with a plugin."""


@dataclass(frozen=True)
class Wanted:
    """A package to be made: a model in a framework, a task, or both; `framework` is empty for a task alone."""

    name: str
    framework: str = ""
    task: bool = False


def frameworks() -> list[str]:
    """The frameworks that a new package can be made for."""
    return sorted(found.parent.name for found in TEMPLATES.glob("*/about.toml"))


def own_packages() -> list[str]:
    """Packages of dlbench itself, which need not be installed here."""
    return list(tomllib.loads((TEMPLATES / "taken.toml").read_text(encoding="utf-8"))["packages"])


def plugin_of(wanted: Wanted) -> str:
    """Name of the plugin of a package; empty for a task alone."""
    return f"{_about(wanted)['framework']}.{wanted.name}" if wanted.framework else ""


def create(wanted: Wanted, folder: Path) -> list[Path]:
    """Write the package into a new folder, and return its files.

    Raises SpecError for a name that cannot be one, and for a folder that exists or cannot be made; UnknownName for a
    framework without a template.
    """
    _check(wanted)
    files = rendered(wanted)
    _check_free(wanted, files)
    try:
        folder.mkdir(parents=True)
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except FileExistsError as error:
        raise SpecError(f"{folder} exists, and nothing is overwritten; choose another NAME or --out FOLDER") from error
    except OSError as error:
        raise SpecError(f"{folder} cannot be made: {error.strerror}; choose --out FOLDER") from error
    return [folder / name for name in files]


def rendered(wanted: Wanted) -> dict[str, str]:
    """Texts of the files of a package by their names within it."""
    parts = ["package", *(["model", wanted.framework] if wanted.framework else []), *(["task"] if wanted.task else [])]
    values = _values(wanted)
    found = [
        (place, path) for part in parts for place in [TEMPLATES / part] for path in sorted(place.rglob(f"*{ENDING}"))
    ]
    return {
        path.relative_to(place).as_posix().removesuffix(ENDING).replace("NAME", wanted.name): re.sub(
            r"@(\w+)@", lambda word: values[word[1]], path.read_text(encoding="utf-8")
        )
        for place, path in found
    }


def _check(wanted: Wanted) -> None:
    """Raise SpecError or UnknownName for what cannot be made."""
    name, known = wanted.name, frameworks()
    if not (wanted.framework or wanted.task):
        raise SpecError(f"give --framework {'|'.join(known)} for a model, --task for a task, or both")
    if wanted.framework and wanted.framework not in known:
        raise UnknownName("framework", wanted.framework, known)
    _check_name(name)
    if wanted.framework and architectures.is_known(name):
        raise SpecError(f"{name} is an architecture that dlbench or a package describes; choose another NAME")
    if wanted.task and name in TASKS:
        raise SpecError(f"{name} is a task of dlbench; choose another NAME")
    if importlib.util.find_spec(f"dlbench_{name}") is not None:
        raise SpecError(f"a module dlbench_{name} is installed here; choose another NAME")


def _check_name(name: str) -> None:
    """Raise SpecError for a name that no package can have."""
    if not NAME.fullmatch(name):
        raise SpecError(
            f"NAME {name!r} must begin with a small letter, end with a small letter or digit, have small letters, "
            "digits and _ between them, and be at most 30 characters long, such as acme"
        )
    if name == "dlbench":
        raise SpecError("NAME 'dlbench' is the harness itself; choose another, such as acme")
    if keyword.iskeyword(name):
        raise SpecError(f"NAME {name!r} is a word of Python itself; choose another, such as {name}_net")
    if f"dlbench-{name}" in (own := own_packages()):
        raise SpecError(f"dlbench-{name} is a package of dlbench, as {', '.join(own)} are; choose another NAME")


def _check_free(wanted: Wanted, files: Mapping[str, str]) -> None:
    """Raise SpecError for a name that the module of the model uses for something else."""
    name = wanted.name
    if wanted.framework and list(_names(files[f"dlbench_{name}/model.py"])).count(name) > 1:
        raise SpecError(f"NAME {name} is used in the module itself for something else; choose {name}_net, for one")
    if wanted.framework and hasattr(builtins, name):
        raise SpecError(f"NAME {name} is a function of Python, which the module would hide; choose {name}_net, for one")


def _names(text: str) -> Iterator[str]:
    """Names that a module uses or binds, each as often as it stands there."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def _about(wanted: Wanted) -> Mapping[str, Any]:
    """Facts of the framework; none for a task alone."""
    return tomllib.loads((TEMPLATES / wanted.framework / "about.toml").read_text()) if wanted.framework else {}


def _values(wanted: Wanted) -> Mapping[str, str]:
    about, plugin = _about(wanted), plugin_of(wanted)
    summary = {(True, False): "A model", (False, True): "A task", (True, True): "A model and its task"}
    return {
        "name": wanted.name,
        "plugin": plugin,
        "task": wanted.name if wanted.task else "line",
        "summary": summary[bool(wanted.framework), wanted.task],
        "contract": CONTRACT_VERSION,
        "requires": json.dumps(sorted({REQUIRED, *about.get("requires", ())})),
        "points": _points(wanted, plugin),
        "paths": json.dumps(about.get("paths", [])),
        "overrides": _override(about.get("untyped", []), "ignore_missing_imports = true")
        + _override(about.get("unread", []), 'follow_imports = "skip"  # its compiler, of which nothing here is used'),
        "first": f"      - run: {about['first']}\n" if "first" in about else "",
        "check": CHECK * bool(wanted.framework),
        "commands": "\n".join(f"    {line}" for line in _commands(wanted, plugin, about.get("paths", []))) + "\n",
    }


def _override(modules: Sequence[str], setting: str) -> str:
    """The table of mypy's settings that holds for these modules alone; empty for none."""
    return f"\n[[tool.mypy.overrides]]\nmodule = {json.dumps(modules)}\n{setting}\n" * bool(modules)


def _points(wanted: Wanted, plugin: str) -> str:
    module = f"dlbench_{wanted.name}"
    made = f'\n[project.entry-points."dlbench.plugins"]\n"{plugin}" = "{module}.model:{wanted.name}"\n'
    opened = f'\n[project.entry-points."dlbench.tasks"]\n{wanted.name} = "{module}.task:open_task"\n'
    return made * bool(wanted.framework) + opened * wanted.task


def _commands(wanted: Wanted, plugin: str, paths: Sequence[str]) -> list[str]:
    """Lines for the README of the package."""
    if not wanted.framework:
        return ["dlbench list --tasks"]
    return [f"dlbench check {plugin}", f"dlbench run --plugin {plugin} --path {','.join(paths)} --quick"]
