"""Code that a Run was made with: the version of a distribution and a digest of its files, as they were loaded.

A version alone says little: a package that is edited in place stays "0.1.0". The digest covers the files that can
change a figure: Python files, compiled extensions and sources of kernels. Caches, data and documents are left out.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib.machinery import ModuleSpec
from pathlib import Path

import importlib_metadata as metadata
import msgspec

from dlbench import architectures, registry, tasks
from dlbench.record.schema import Code
from dlbench.registry import adaptors, installed, references
from dlbench.registry.entry_points import Entry
from dlbench.registry.references import Reference
from dlbench.spec import Spec
from dlbench.tasks import TASKS

DIGITS = 12
SUFFIXES = frozenset(
    (
        *(".py", ".so", ".pyd", ".dylib", ".dll"),
        *(".c", ".cc", ".cpp", ".cu", ".cuh", ".h", ".hpp", ".cl", ".metal", ".ptx", ".cubin", ".pyx", ".pxd"),
    )
)
MOST_FILES = 4000
"""Files that are read; of those beyond, in the order of their names, the size alone counts."""
MOST_BYTES = 4 << 20
"""Bytes of a file that are read at either end; of a longer one the size counts for the rest."""
INSTALLED = ("site-packages", "dist-packages")
"""Folders of many distributions, in which the neighbours of a module are not its own."""


def look_before(spec: Spec) -> None:
    """Look at the code of a Spec's plugin and functions before it is loaded. Raises as `of_plugin` does."""
    of_plugin(spec.plugin, _reference(spec))
    for role, function in _functions(spec):
        of_function(role, function)


def of_spec(spec: Spec) -> list[Code]:
    """The code of a Spec's loaded plugin, of the code that made or describes it, of its task, and of dlbench."""
    made = (of_adaptor(spec.framework),) if _reference(spec) else of_architecture(spec.architecture)
    functions = [of_function(role, function) for role, function in _functions(spec)]
    return [of_loaded_plugin(spec.plugin, _reference(spec)), *functions, *made, *of_task(spec.task), of_core()]


def _reference(spec: Spec) -> str:
    """The reference of a user's own model, else nothing."""
    return "" if spec.model is None or ":" not in spec.model.reference else spec.model.reference


def _functions(spec: Spec) -> Iterator[tuple[str, str]]:
    """The user's own loss and optimizer by their kind; they may lie in other files than the model."""
    for role, text in (("loss", spec.model.loss), ("optimizer", spec.model.optimizer)) if spec.model else ():
        if references.is_reference(text):
            yield role, text


@cache
def of_function(role: str, reference: str) -> Code:
    """The code of a function of the user's own, looked at once in the life of this process: before it is loaded."""
    return _code_of_reference(f"{role} {reference}", references.parse(reference))


@cache
def of_plugin(name: str, reference: str) -> Code:
    """The code of a plugin, looked at once in the life of this process: before it is loaded.

    For a model of the user's own it is the user's, or the loader's that its reference names. Raises
    UnknownName, and PluginLoadError when metadata shows that the plugin cannot work.
    """
    return _look(name, reference)


@cache
def of_loaded_plugin(name: str, reference: str) -> Code:
    """The same code once it was loaded; one that changed meanwhile has both digests, and is like no other."""
    before, now = of_plugin(name, reference), _look(name, reference)
    if before == now:
        return before
    return msgspec.structs.replace(before, digest=f"{before.digest} and {now.digest} while it was loaded")


@cache
def of_adaptor(framework: str) -> Code:
    """The code that makes a plugin of a model of the user's own."""
    entry = adaptors.find(framework)
    return _code(f"package {entry.distribution}", entry.distribution, _module(entry))


@cache
def of_core() -> Code:
    """The code of dlbench, tasks included."""
    return _code("dlbench", "dlbench", "dlbench")


@cache
def of_task(name: str) -> tuple[Code, ...]:
    """The code of a task from outside the core; a task of the core is dlbench's code."""
    entry = None if name in TASKS else tasks.entry_of(name)
    return () if entry is None else (_code(f"task {name}", entry.distribution, _module(entry)),)


@cache
def of_architecture(name: str) -> tuple[Code, ...]:
    """The code of an architecture that another package describes; a built-in one is dlbench's code."""
    entry = None if architectures.is_builtin(name) else architectures.entry_of(name)
    return () if entry is None else (_code(f"architecture {name}", entry.distribution, _module(entry)),)


def of_local(packages: Iterable[str], known: Iterable[Code] = ()) -> Iterator[Code]:
    """The code of packages that were installed from a folder, which can change under one version (PEP 610)."""
    seen = {code.distribution for code in known}
    for package in packages:
        if package not in seen and _is_local(package):
            yield _code(f"package {package}", package, re.sub(r"[-.]+", "_", package))


def _look(name: str, reference: str) -> Code:
    of = f"plugin {name}"
    if reference and not (loader := adaptors.loader(reference)):
        return _code_of_reference(of, references.parse(reference))
    entry = adaptors.find(loader) if reference else registry.find(name)
    return _code(of, entry.distribution, _module(entry))


def _module(entry: Entry) -> str:
    return entry.value.partition(":")[0].strip()


def _code_of_reference(of: str, reference: Reference) -> Code:
    """The user's own: a file with those that it imports from its folder, or the package of a module."""
    folder = references.planned_folder()
    if not reference.is_file:
        references.make_importable(folder)
        return _code(of, installed.owner(reference.place.partition(".")[0]) or reference.place, reference.place)
    path = references.path_of(reference.place)
    files = dict(_with_imported(path.parent, [path])) if path.is_file() else {}
    return Code(of=of, distribution=reference.place, version="", digest=_digest(files) if files else "")


def _code(of: str, distribution: str, module: str) -> Code:
    found = _distribution(distribution)
    files = dict(_recorded(found)) | dict(_beside(module, found))
    version = "" if found is None else found.version
    return Code(of=of, distribution=distribution, version=version, digest=_digest(files) if files else "")


def _distribution(name: str) -> metadata.Distribution | None:
    """None if there is none of this name."""
    return next(iter(metadata.Distribution.discover(name=name)), None) if name else None


def _is_local(package: str) -> bool:
    found = _distribution(package)
    return found is not None and "dir_info" in json.loads(found.read_text("direct_url.json") or "{}")


def _recorded(distribution: metadata.Distribution | None) -> Iterator[tuple[str, Path]]:
    """Code that the installer of a distribution wrote down (RECORD), by its name within the installation."""
    for file in (distribution.files if distribution is not None else None) or ():
        if file.suffix in SUFFIXES and (path := Path(str(file.locate()))).is_file():
            yield file.as_posix(), path


def _beside(module: str, distribution: metadata.Distribution | None) -> Iterator[tuple[str, Path]]:
    """The files of an entry point's package or module, and the files that these import from its own folder.

    The latter finds modules that belong together but are not installed, in somebody's folder.
    """
    root, found = _located(module)
    if root is None:
        return
    if root.name in INSTALLED or distribution is None:
        yield from ((path.relative_to(root).as_posix(), path) for path in found)
    else:
        yield from _with_imported(root, found)


def _with_imported(root: Path, found: list[Path]) -> Iterator[tuple[str, Path]]:
    """Files in a folder, and those that they import from it; each neighbour is looked for once."""
    others = _modules(root, found)
    waiting = list(found)
    while waiting:
        path = waiting.pop()
        yield path.relative_to(root).as_posix(), path
        for name in _imported(path, others):
            waiting += _files(others.pop(name))


def _located(module: str) -> tuple[Path | None, list[Path]]:
    """The folder that the outermost regular package or module of a dotted name lies in, and its files."""
    spec = _outermost(module)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        return None, []
    depth, places = spec.name.count("."), spec.submodule_search_locations
    path = Path(spec.origin).resolve()
    if places is None:
        return path.parents[depth], [path]
    folders = [Path(place).resolve() for place in places]
    root = path.parents[depth + 1]
    return root, [file for folder in folders if folder.is_relative_to(root) for file in _walk(folder)]


def _outermost(module: str) -> ModuleSpec | None:
    """The first that is no namespace, which many distributions may share."""
    parts = module.split(".")
    for length in range(1, len(parts) + 1):
        try:
            spec = importlib.util.find_spec(".".join(parts[:length]))
        except (ImportError, ValueError):
            return None
        if spec is None or spec.origin is not None:
            return spec
    return None


def _modules(root: Path, known: Collection[Path]) -> dict[str, Path]:
    """Modules and packages in a folder by name, without those whose files are known."""
    have = {path.relative_to(root).parts[0] for path in known}
    packages = {path.parent.name: path for path in root.glob("*/__init__.py")}
    found = {path.stem: path for path in root.glob("*.py")} | packages
    return {name: path for name, path in found.items() if path.relative_to(root).parts[0] not in have}


def _files(path: Path) -> Iterable[Path]:
    """The module alone, or the whole package that it is one of."""
    return _walk(path.parent) if path.name == "__init__.py" else [path]


def _imported(path: Path, names: Collection[str]) -> set[str]:
    """Modules among these that a file imports, at its top or within a function."""
    if not names or path.suffix != ".py":
        return set()
    statement = rf"^[ \t]*(?:from|import)[ \t]+({'|'.join(map(re.escape, names))})\b"
    try:
        return {name.decode() for name in re.findall(statement.encode(), path.read_bytes(), re.MULTILINE)}
    except OSError:
        return set()


def _walk(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(place, name) for name in files if Path(name).suffix in SUFFIXES)


def _digest(files: Mapping[str, Path]) -> str:
    """Digest of names and contents; hexadecimal digits of SHA-256."""
    found = hashlib.sha256()
    for number, name in enumerate(sorted(files)):
        found.update(f"{name}\0".encode("utf-8", "surrogateescape"))
        found.update(_content(files[name], MOST_BYTES if number < MOST_FILES else 0))
    return found.hexdigest()[:DIGITS]


def _content(path: Path, most: int) -> bytes:
    """Size and digest of a file; of a long one only both ends are read. Empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            found = hashlib.sha256(f"{size}\0".encode())
            found.update(file.read(most))
            file.seek(max(file.tell(), size - most))
            found.update(file.read(most))
            return found.digest()
    except OSError:
        return b""
