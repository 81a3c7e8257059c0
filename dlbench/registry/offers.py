"""Tasks, architectures and exports that other packages bring: entry points of `dlbench.tasks` and so on.

A name of dlbench's own is never theirs: whoever claims one is broken, and so are two that claim one name.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from dlbench.errors import PluginLoadError
from dlbench.registry import entry_points
from dlbench.registry.entry_points import Entry, Group

TASKS = Group("dlbench.tasks", re.compile(r"\w[\w-]*"), "one word: letters, digits, _ and -")
ARCHITECTURES = Group(
    "dlbench.architectures",
    re.compile(r"\w[\w-]*(\.\w[\w-]*)*"),
    "the form of a plugin's name after its first dot",
    bare=True,
)
EXPORTS = Group("dlbench.exports", re.compile(r"\w[\w-]*"), "one word: letters, digits, _ and -", bare=True)


def entries(group: Group, own: Collection[str]) -> list[Entry]:
    """All that are installed, by name; broken ones included. `own` are dlbench's own names. Imports none of them."""
    return list(_entries(group, tuple(own), tuple(sys.path)))


def find(group: Group, name: str, own: Collection[str]) -> Entry | None:
    """The one of this name, None without one. Raises PluginLoadError when metadata shows that it cannot work."""
    for entry in entries(group, own):
        if entry.name == name and entry.broken:
            raise PluginLoadError(name, entry.distribution, entry.broken, group.kind)
        if entry.name == name:
            return entry
    return None


def load(group: Group, entry: Entry) -> Any:
    """Import it. Raises PluginLoadError."""
    return entry_points.load(entry, group)


@functools.cache
def _entries(group: Group, own: tuple[str, ...], path: tuple[str, ...]) -> tuple[Entry, ...]:  # noqa: ARG001
    """Entries, read once for each `sys.path`."""
    return tuple(_checked(entry, own) for entry in entry_points.of_group(group))


def _checked(entry: Entry, own: tuple[str, ...]) -> Entry:
    if entry.name not in own or entry.broken:
        return entry
    why = f"dlbench and {entry.distribution} both claim this name; uninstall {entry.distribution}"
    return replace(entry, broken=why)
