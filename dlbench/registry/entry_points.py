"""Entry points of a group, read from metadata alone: which there are, and which of them cannot work."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import importlib_metadata as metadata

from dlbench.errors import DlbenchError, PluginLoadError
from dlbench.registry import installed, requirements
from dlbench.registry.installed import Installed

LONGEST_CAUSE = 1000
"""Characters of an error at import, beside the name of the module."""


class Group(NamedTuple):
    """A group of entry points, the names that its members may have, the same in words, and the form of a value.

    A value is `module:object`; with `bare` a module alone is one too.
    """

    name: str
    pattern: re.Pattern[str]
    meaning: str
    bare: bool = False

    @property
    def kind(self) -> str:
        """One of its members in words, such as `plugin`."""
        return self.name.partition(".")[2].removesuffix("s")


@dataclass(frozen=True)
class Entry:
    """An entry point; `broken` says why it cannot work, as far as metadata tells, and is empty otherwise."""

    name: str
    distribution: str
    version: str
    value: str
    broken: str = ""


def of_group(group: Group, name: str = "") -> list[Entry]:
    """The entry points of a group by name, or those that claim this name; broken ones included, and none imported."""
    found = [entry for one in installed.of_group(group.name) for entry in _entries(one, group, name)]
    return sorted(_mark_duplicates(found), key=lambda entry: (entry.name, entry.distribution))


def load(entry: Entry, group: Group, arguments: Sequence[Any] | None = None) -> Any:
    """Import the object of an entry point, and return it, or its result for these arguments.

    Raises PluginLoadError, and errors of dlbench's own as they are.
    """
    try:
        found = _object(entry, group)
        return found if arguments is None else found(*arguments)
    except (DlbenchError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise PluginLoadError(entry.name, entry.distribution, _cause(entry, error, arguments), group.kind) from error


def _object(entry: Entry, group: Group) -> Any:
    """The object that an entry point names. Raises PluginLoadError if its module lacks it, and errors of the module."""
    point = metadata.EntryPoint(entry.name, entry.value, group.name)
    found: Any = importlib.import_module(point.module)
    for part in filter(None, (point.attr or "").split(".")):
        if not hasattr(found, part):
            near = difflib.get_close_matches(part, dir(found), n=3)
            hint = f"did you mean {' or '.join(near)}? " if near else ""
            why = f"{point.module} has no {part!r}; {hint}{_mend(entry.value)}"
            raise PluginLoadError(entry.name, entry.distribution, why, group.kind)
        found = getattr(found, part)
    return found


def _cause(entry: Entry, error: BaseException, arguments: Sequence[Any] | None) -> str:
    """The error with the plugin's own line, or, if it has none there, with the part that the entry point has in it."""
    from dlbench.errors import places, words

    said, at = words.reason(error, LONGEST_CAUSE), places.of_plugin(error)
    absent = isinstance(error, ModuleNotFoundError)
    if at:
        return f"{said} ({at})" + "; install what brings it" * absent
    if isinstance(error, TypeError) and arguments is not None:
        return f"{said}; {entry.value} is called {'with one argument' if arguments else 'without arguments'}"
    return f"{said}; {_mend(entry.value)}" if absent else said


def _mend(value: str) -> str:
    return f"mend its entry point {value!r}, and install it again"


def _entries(distribution: Installed, group: Group, name: str) -> Iterator[Entry]:
    """Entries of a distribution, or the one that claims this name; one by its own name if it cannot list them."""
    if not distribution.points and name in ("", distribution.name):
        yield Entry(distribution.name, distribution.name, distribution.version, "", distribution.broken)
    points = [point for point in distribution.points if name in ("", point.name)]
    unmet = requirements.unmet(distribution.requires) if points else ""
    for point in points:
        broken = distribution.broken or _why_name(point.name, group) or _why_module(point.value, group) or unmet
        yield Entry(point.name, distribution.name, distribution.version, point.value, broken)


def _why_name(name: str, group: Group) -> str:
    return (
        ""
        if group.pattern.fullmatch(name)
        else f"its name {name!r} must be {group.meaning}; rename it in its entry points"
    )


def _why_module(value: str, group: Group) -> str:
    """Extras of a distribution may follow in brackets; they are the installer's."""
    match = re.fullmatch(r"\s*(\w+)[\w.]*\s*(:\s*\w+[\w.]*\s*)?(\[.*\]\s*)?", value)
    if match is None or not (match[2] or group.bare):
        wanted = "object, or a module" if group.bare else "callable, such as dlbench_acme.model:Wide"
        return f"its value {value!r} is not module:{wanted}; {_mend(value)}"
    try:
        there = importlib.util.find_spec(match[1]) is not None
    except (ImportError, ValueError) as error:
        return f"module {match[1]} cannot be found ({error}); install it again"
    return "" if there else f"module {match[1]} is not there; install it again, or mend its entry point {value!r} first"


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
