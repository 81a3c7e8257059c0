"""Entry points of a group, read from metadata alone: which there are, and which of them cannot work."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import importlib_metadata as metadata

from dlbench.errors import DlbenchError, PluginLoadError, words
from dlbench.registry import installed, requirements
from dlbench.registry.installed import Installed

LONGEST_CAUSE = 1000
"""Characters of an error at import, beside the name of what was imported."""


@dataclass(frozen=True)
class Entry:
    """An entry point; `broken` says why it cannot work, as far as metadata tells, and is empty otherwise."""

    name: str
    distribution: str
    version: str
    value: str
    broken: str = ""


def of_group(group: str, pattern: re.Pattern[str], meaning: str, name: str = "") -> list[Entry]:
    """The entry points of a group by name, or those that claim this name; broken ones included. Imports none of them.

    Names must match the pattern, which `meaning` says in words.
    """
    rule = pattern, meaning
    found = [entry for distribution in installed.of_group(group) for entry in _entries(distribution, rule)]
    found = [entry for entry in found if name in ("", entry.name)]
    return sorted(_mark_duplicates(found), key=lambda entry: (entry.name, entry.distribution))


def load(entry: Entry, group: str, arguments: Sequence[Any]) -> Any:
    """Import what an entry point names and return what it returns for these arguments.

    Raises PluginLoadError, and errors of dlbench's own as they are.
    """
    point = metadata.EntryPoint(entry.name, entry.value, group)
    try:
        return point.load()(*arguments)
    except (DlbenchError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise PluginLoadError(entry.name, entry.distribution, words.reason(error, LONGEST_CAUSE)) from error


def _entries(distribution: Installed, rule: tuple[re.Pattern[str], str]) -> Iterator[Entry]:
    """Those of a distribution; one by its own name where it cannot say which they are."""
    if not distribution.points:
        yield Entry(distribution.name, distribution.name, distribution.version, "", distribution.broken)
    for point in distribution.points:
        broken = (
            distribution.broken
            or _why_name(point.name, *rule)
            or _why_module(point.value)
            or requirements.unmet(distribution.requires)
        )
        yield Entry(point.name, distribution.name, distribution.version, point.value, broken)


def _why_name(name: str, pattern: re.Pattern[str], meaning: str) -> str:
    return "" if pattern.fullmatch(name) else f"its name {name!r} must be {meaning}"


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
