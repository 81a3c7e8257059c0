"""Requirement files that pin versions, as pip prints them (`pip freeze`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from dlbench.errors import SpecError

OTHER_FILES = re.compile(r"-[rc]|--(requirement|constraint)\b")  # pip takes -rother.txt too
EDITABLE = re.compile(r"-e|--editable\b")


def read(path: Path) -> dict[str, str]:
    """Versions (`==1.0`) or sources (`@file:///folder`) that a file pins, by canonical name. Raises SpecError."""
    found: dict[str, str] = {}
    for where, word in _lines(path):
        if OTHER_FILES.match(word):
            raise SpecError(f"{where}: {word!r} names another file; give one file that pins all, as pip freeze prints")
        if not word.startswith("-"):
            asked = _requirement(where, word)
            if asked.marker is None or asked.marker.evaluate():
                found[canonicalize_name(asked.name)] = _pin(where, asked)
    return found


def require_alike(old: Path, new: Path) -> None:
    """Raise SpecError for a package in development mode that one of both files has: nothing can install it anew."""
    sides = [{word: where for where, word in _lines(path) if EDITABLE.match(word)} for path in (old, new)]
    for word in sorted(sides[0].keys() ^ sides[1].keys()):
        where = (sides[0] | sides[1])[word]
        raise SpecError(
            f"{where}: {word!r} is an editable install, which the other file has not; give the version of its package, "
            "or use --git"
        )


def _lines(path: Path) -> Iterator[tuple[str, str]]:
    """Lines that are no remark, each with its place. Raises SpecError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no UTF-8"
        raise SpecError(f"{path} cannot be read ({why}); give a requirement file that pins versions") from error
    for number, line in enumerate(re.sub(r"\\\n", " ", text).splitlines(), start=1):
        word = line.partition(" #")[0].partition(" --hash")[0].strip()
        if word and not word.startswith("#"):
            yield f"{path}:{number}", word


def _requirement(where: str, word: str) -> Requirement:
    try:
        return Requirement(word)
    except InvalidRequirement as error:
        raise SpecError(f"{where}: {word!r} is no requirement; give one of the kind package==1.0") from error


def _pin(where: str, asked: Requirement) -> str:
    """The one version, or the source, of a requirement. Raises SpecError."""
    if asked.url:
        return f"@{asked.url}"
    found = [one.version for one in asked.specifier if one.operator in ("==", "===") and "*" not in one.version]
    if len(found) != 1:
        raise SpecError(f"{where}: {str(asked)!r} pins no version; give package==1.0, as pip freeze prints it")
    return f"=={found[0]}"
