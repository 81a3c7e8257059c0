"""Installed plugins: names from metadata alone, and one loaded on demand.

A plugin is an entry point of the group `dlbench.plugins`: its name is `framework.architecture`, its value a callable
without arguments that returns a ModelPlugin.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Collection, Iterable

from dlbench.errors import ContractViolation, PluginLoadError, UnknownName
from dlbench.plugin import ModelPlugin
from dlbench.registry import entry_points, offers
from dlbench.registry.entry_points import Entry, Group
from dlbench.spec import PLUGIN_NAME, PLUGIN_NAMES

GROUP = Group("dlbench.plugins", PLUGIN_NAME, PLUGIN_NAMES)


def entries(name: str = "") -> list[Entry]:
    """All installed plugins by name, or those that claim this name; broken ones included. Imports none of them."""
    return entry_points.of_group(GROUP, name)


def speakers(found: Iterable[Entry]) -> dict[str, Entry]:
    """One plugin of each framework to ask about it: its first that is not broken, or else a broken one."""
    chosen: dict[str, Entry] = {}
    for entry in found:
        name = entry.name.partition(".")[0]
        if name not in chosen or chosen[name].broken:
            chosen[name] = entry
    return dict(sorted(chosen.items()))


def find(name: str, tasks: Collection[str] = ()) -> Entry:
    """The plugin of this name. Raises UnknownName, and PluginLoadError when metadata shows that it cannot work.

    `tasks` are those of dlbench itself, whose names are no plugins' either.
    """
    for entry in entries(name):
        if entry.broken:
            raise PluginLoadError(name, entry.distribution, entry.broken)
        return entry
    known = entries()
    raise UnknownName("plugin", name, {entry.name for entry in known}, _advice(name, known, tasks))


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
    return require_plugin(name, entry, entry_points.load(entry, GROUP, ()))


def require_plugin(name: str, entry: Entry, found: object) -> ModelPlugin:
    """Result of an entry point, if it is a plugin. Raises ContractViolation."""
    if not isinstance(found, ModelPlugin):
        kind = f"the class {found.__name__}" if isinstance(found, type) else f"an object of {type(found).__name__}"
        raise ContractViolation(f"plugin {name}: {entry.value} returned {kind}, which lacks {_missing(found)}")
    return found


def _is_pattern(name: str) -> bool:
    return any(wildcard in name for wildcard in "*?[")


def _advice(name: str, known: Iterable[Entry], tasks: Collection[str] = ()) -> str:
    framework, dot, _ = name.partition(".")
    if not dot and name in {*tasks, *(entry.name for entry in offers.entries(offers.TASKS, ()))}:
        return f"{name} is a task; dlbench list --tasks shows it, and a run takes it as --task {name}"
    if not dot and any(entry.name.partition(".")[2] == name for entry in known):
        return f"name one as FRAMEWORK.{name}, or all as '*.{name}'"
    if _is_pattern(framework) or any(entry.name.startswith(f"{framework}.") for entry in known):
        return "" if _is_pattern(name) else "a package of your own is seen after `pip install -e .` in its folder"
    if several := {one for entry in known if (one := entry.name.partition(".")[0]).startswith(f"{framework}-")}:
        return f"{framework} has plugins by backend: {', '.join(sorted(several))}"
    package = f"dlbench-{framework.partition('-')[0]}"  # of frameworks on several backends, such as lib-a and lib-b
    return f"plugins called {framework}.* come by custom from a package {package}: pip install {package}"


def _missing(plugin: object) -> str:
    return ", ".join(name for name in ("build", "train_step", "predict") if not callable(getattr(plugin, name, None)))
