"""Installed distributions, read from their metadata; one that cannot be read is an answer of its own and no error.

Anything may lie in a folder of `sys.path`: half of a package that an installer left, a file that is no text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import importlib_metadata as metadata

from dlbench.errors import words
from dlbench.plugin import contract


class Installed(NamedTuple):
    """A distribution with its entry points of one group; `broken` says which part of it cannot be read or used."""

    name: str
    version: str
    requires: tuple[str, ...]
    points: tuple[metadata.EntryPoint, ...]
    broken: str = ""


def of_group(group: str) -> list[Installed]:
    """The distributions that have entry points of this group, or cannot say which they have.

    Of several with one name the first on `sys.path` counts, a whole one before a broken one.
    """
    found = [one for distribution in metadata.distributions() for one in _read(distribution, group)]
    by_name: dict[str, Installed] = {}
    for one in sorted(found, key=lambda one: bool(one.broken)):
        by_name.setdefault(re.sub(r"[-_.]+", "-", one.name).lower(), one)
    return [one for one in by_name.values() if one.points or one.broken]


def version(name: str) -> str:
    """The version of a distribution in words: `not installed`, or `not known` if its metadata does not say."""
    try:
        return str(metadata.distribution(name).version or "not known")
    except metadata.PackageNotFoundError:
        return "not installed"
    except Exception:  # whatever its metadata is
        return "not known"


def quick_version(name: str) -> str:
    """The version in the name of a distribution's folder, for its metadata takes long to parse; empty if not there."""
    try:
        folder = Path(str(getattr(metadata.distribution(name), "_path", "")))
    except (metadata.PackageNotFoundError, ValueError):
        return ""
    found = folder.name.removesuffix(".dist-info").partition("-")[2] if folder.suffix == ".dist-info" else ""
    return found or version(name)


def owner(package: str) -> str:
    """The distribution that an importable package belongs to; empty if nothing says so."""
    try:
        return next(iter(metadata.packages_distributions().get(package, [])), "")
    except Exception:  # one of all the distributions cannot be read
        return ""


def requires(name: str) -> tuple[str, ...]:
    """Requirements of a distribution; none if it cannot be read."""
    try:
        return tuple(metadata.requires(name) or ())
    except Exception:  # not installed, or whatever its metadata is
        return ()


def _read(distribution: Any, group: str) -> Iterator[Installed]:
    folder = getattr(distribution, "_path", None)
    name, _, rest = Path(str(folder)).stem.partition("-")
    try:
        named = () if _is_silent(folder, group) else distribution.entry_points
        points = tuple(one for one in named if one.group == group)
        refused = _refused(named)
    except Exception as error:  # any text, and values that are none
        if _mentions(folder, group):
            yield Installed(
                name,
                rest or "not known",
                (),
                (),
                f"its entry_points.txt cannot be read ({_said(error)}); install it again",
            )
        return
    if not points and _has_metadata(folder):
        yield Installed(name, rest, (), ())  # its metadata, which takes long to parse, would not be used
        return
    try:
        called, numbered, required = _headers(distribution)
        if not called or not numbered:
            raise ValueError("no Name or no Version in it")
        yield Installed(called, numbered, required, points, refused if points else "")
    except Exception as error:
        if points:
            why = f"its metadata cannot be read ({_said(error)}); install it again"
            yield Installed(name, rest or "not known", (), points, why)


def _refused(points: Iterable[metadata.EntryPoint]) -> str:
    """The reason why the contract that a distribution was written for rules it out; empty if it does not."""
    stated = [one.name for one in points if one.group == contract.GROUP] or [contract.FIRST]
    return next(filter(None, map(contract.why_not, stated)), "")


def _headers(distribution: Any) -> tuple[str, str, tuple[str, ...]]:
    """Name, version and requirements, as the lines before the first empty one of METADATA state them.

    The parser of mail, which importlib_metadata takes for it, is half of the time that `dlbench list` would need.
    """
    text = distribution.read_text("METADATA")
    if not text:
        said = distribution.metadata
        return str(said["Name"] or ""), str(said["Version"] or ""), tuple(distribution.requires or ())
    lines = [line.partition(":") for line in text.partition("\n\n")[0].splitlines()]
    named = {name: value.strip() for name, _, value in reversed(lines)}
    required = tuple(value.strip() for name, _, value in lines if name == "Requires-Dist")
    return named.get("Name", ""), named.get("Version", ""), required


def _has_metadata(folder: object) -> bool:
    return any(os.path.isfile(f"{folder}/{name}") for name in ("METADATA", "PKG-INFO"))  # noqa: PTH113 (ten times faster)


def _is_silent(folder: object, group: str) -> bool:
    """True if a folder on the disk says nothing of this group, as most do: its entry points need not be parsed."""
    return isinstance(folder, Path) and not _mentions(folder, group)


def _mentions(folder: object, group: str) -> bool:
    """True if the file of entry points, be it text or not, speaks of this group."""
    try:
        with open(f"{folder}/entry_points.txt", "rb") as file:  # noqa: PTH123
            return group.encode() in file.read()
    except OSError:
        return False


def _said(error: Exception) -> str:
    return " ".join(words.reason(error).split())[:200]
