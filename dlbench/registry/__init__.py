"""Installed plugins: names from metadata alone, and one loaded on demand.

A plugin is an entry point of the group `dlbench.plugins`: its name is `framework.architecture`, its value a callable
without arguments that returns a ModelPlugin.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import importlib_metadata as metadata

from dlbench.errors import ContractViolation, DlbenchError, PluginLoadError, UnknownName, words
from dlbench.plugin import ModelPlugin
from dlbench.registry import installed
from dlbench.registry.installed import Installed
from dlbench.spec import PLUGIN_NAME, PLUGIN_NAMES

GROUP = "dlbench.plugins"
LONGEST_CAUSE = 1000
"""Characters of an error at import, beside the name of what was imported."""


@dataclass(frozen=True)
class Entry:
    """An installed plugin; `broken` says why it cannot work, as far as metadata tells, and is empty otherwise."""

    name: str
    distribution: str
    version: str
    value: str
    broken: str = ""


def entries(name: str = "") -> list[Entry]:
    """All installed plugins by name, or those that claim this name; broken ones included. Imports none of them."""
    found = [entry for distribution in installed.of_group(GROUP) for entry in _entries(distribution)]
    found = [entry for entry in found if name in ("", entry.name)]
    return sorted(_mark_duplicates(found), key=lambda entry: (entry.name, entry.distribution))


def speakers(found: Iterable[Entry]) -> dict[str, Entry]:
    """By framework, one plugin that speaks for it: its first that is not broken, or else one that is."""
    chosen: dict[str, Entry] = {}
    for entry in found:
        name = entry.name.partition(".")[0]
        if name not in chosen or chosen[name].broken:
            chosen[name] = entry
    return dict(sorted(chosen.items()))


def find(name: str) -> Entry:
    """The plugin of this name. Raises UnknownName, and PluginLoadError when metadata shows that it cannot work."""
    for entry in entries(name):
        if entry.broken:
            raise PluginLoadError(name, entry.distribution, entry.broken)
        return entry
    known = entries()
    raise UnknownName("plugin", name, {entry.name for entry in known}, _advice(name, known))


def matching(pattern: str) -> list[str]:
    """Names of the installed plugins, broken ones included, that a pattern of the shell such as `*.lstm` stands for.

    A name without wildcards stands for itself, installed or not. Raises UnknownName when a pattern matches nothing.
    """
    if not _is_pattern(pattern):
        return [pattern]
    known = entries()
    names = list(dict.fromkeys(entry.name for entry in known))
    found = [name for name in names if fnmatch.fnmatchcase(name, pattern)]
    if not found:
        raise UnknownName("plugin", pattern, names, _advice(pattern, known))
    return found


def load(name: str) -> ModelPlugin:
    """Import a plugin and call its factory. Raises UnknownName, PluginLoadError or ContractViolation."""
    entry = find(name)
    point = metadata.EntryPoint(name, entry.value, GROUP)
    try:
        plugin = point.load()()
    except (DlbenchError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise PluginLoadError(name, entry.distribution, words.reason(error, LONGEST_CAUSE)) from error
    if not isinstance(plugin, ModelPlugin):
        raise ContractViolation(f"plugin {name}: {entry.value} returned {plugin!r}, which lacks {_missing(plugin)}")
    return plugin


def _is_pattern(name: str) -> bool:
    return any(wildcard in name for wildcard in "*?[")


def _entries(distribution: Installed) -> Iterator[Entry]:
    """Its plugins; one by its own name where it cannot say which they are."""
    if not distribution.points:
        yield Entry(distribution.name, distribution.name, distribution.version, "", distribution.broken)
    for point in distribution.points:
        broken = (
            distribution.broken
            or _why_name(point.name)
            or _why_module(point.value)
            or _why_requirement(distribution.requires)
        )
        yield Entry(point.name, distribution.name, distribution.version, point.value, broken)


def _why_name(name: str) -> str:
    return "" if PLUGIN_NAME.fullmatch(name) else f"its name {name!r} must be {PLUGIN_NAMES}"


def _why_module(value: str) -> str:
    """Extras of a distribution may follow in brackets; they are the installer's."""
    match = re.fullmatch(r"\s*(\w+)[\w.]*\s*:\s*\w+[\w.]*\s*(\[.*\]\s*)?", value)
    if match is None:
        return f"its value {value!r} is not module:callable"
    try:
        there = importlib.util.find_spec(match[1]) is not None
    except (ImportError, ValueError) as error:
        return f"module {match[1]} cannot be found ({error})"
    return "" if there else f"module {match[1]} is not there; install it again"


def _why_requirement(requires: Iterable[str]) -> str:
    """The first requirement that is not installed; versions, extras and markers are left to the installer."""
    for requirement in requires:
        match = re.match(r"[\w.-]+", requirement)
        if match and ";" not in requirement and not installed.is_there(match[0]):
            return f"it needs {match[0]}, which is not installed; pip install {match[0]}"
    return ""


def _mark_duplicates(found: list[Entry]) -> list[Entry]:
    owners: dict[str, list[Entry]] = {}
    for entry in found:
        owners.setdefault(entry.name, []).append(entry)
    return [_duplicate(entry, owners) for entry in found]


def _duplicate(entry: Entry, owners: Mapping[str, list[Entry]]) -> Entry:
    if len(owners[entry.name]) == 1:
        return entry
    names = " and ".join(sorted(owner.distribution for owner in owners[entry.name]))
    return Entry(
        entry.name, entry.distribution, entry.version, entry.value, f"{names} both claim this name; uninstall one"
    )


def _advice(name: str, known: Iterable[Entry]) -> str:
    framework = name.partition(".")[0]
    if _is_pattern(framework) or any(entry.name.startswith(f"{framework}.") for entry in known):
        return ""
    package = f"dlbench-{framework}"
    return f"plugins called {framework}.* come by custom from a package {package}: pip install {package}"


def _missing(plugin: object) -> str:
    return ", ".join(name for name in ("build", "train_step", "predict") if not callable(getattr(plugin, name, None)))
