"""Requirements that a distribution states in its metadata: those that apply here, and the first that is not met.

`packaging` judges them, and is imported when there is something to judge: `dlbench list` must not wait for it if all
requirements are plain and met.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from dlbench.registry import installed

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_NUMBERS = r"\d+(?:\.\d+)*"
_NAME = r"(?P<name>[A-Za-z0-9][\w.-]*)\s*"
_BOUND = rf"(?:>=|<)\s*{_NUMBERS}\s*"
_PLAIN = re.compile(rf"{_NAME}(?P<bounds>(?:{_BOUND}(?:,\s*{_BOUND})*)?)")
_CLAUSE = rf"(?:[!=]=\s*{_NUMBERS}(?:\.\*)?|[<>]=?\s*{_NUMBERS})\s*"
_OF_EXTRA = re.compile(rf"{_NAME}(?:{_CLAUSE}(?:,\s*{_CLAUSE})*)?;\s*extra\s*==\s*(['\"])[\w.-]+\2")
_RELEASE = re.compile(rf"({_NUMBERS})(?:\+[\w.]+)?")


def names(texts: Iterable[str]) -> list[str]:
    """Distributions named by these requirements, without extras and markers that do not apply here."""
    return list(dict.fromkeys(one.name for text in texts if (one := _applying(text)) is not None))


def unmet(texts: Iterable[str]) -> str:
    """The first requirement that is not met here, and a remedy; empty if all are."""
    return next((why for text in texts if not plainly_met(text) and (why := _judged(text))), "")


def plainly_met(text: str) -> bool:
    """True for a requirement that needs no judge: `name>=1.2,<2` beside a release within, or one of an extra.

    False says nothing.
    """
    if _OF_EXTRA.fullmatch(text.strip()):
        return True
    plain = _PLAIN.fullmatch(text.strip())
    found = installed.quick_version(plain["name"]) if plain else ""
    release = _RELEASE.fullmatch(found)
    return release is not None and plain is not None and _within(_parts(release[1]), plain["bounds"])


def _within(release: list[int], bounds: str) -> bool:
    """True for a release that keeps every bound, such as `<2,>=0.1`."""
    found = re.findall(rf"(>=|<)\s*({_NUMBERS})", bounds)
    return all(release >= _parts(number) if sign == ">=" else release < _parts(number) for sign, number in found)


def _parts(numbers: str) -> list[int]:
    """Numbers of a release without zeros at the end: 2.0 is 2."""
    parts = [int(one) for one in numbers.split(".")]
    while parts and not parts[-1]:
        del parts[-1]
    return parts


def _judged(text: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        return _unmet(Requirement(text))
    except InvalidRequirement:
        return f"its requirement {text!r} cannot be read; install it again"


def _unmet(one: Requirement) -> str:
    from packaging.version import InvalidVersion, Version

    if not _applies(one):
        return ""
    if not (found := installed.quick_version(one.name)):
        return f"it needs {one.name}, which is not installed; pip install {_quoted(one)}"
    try:
        fits = one.specifier.contains(Version(found), prereleases=True)
    except InvalidVersion:  # its metadata does not say it
        return ""
    return "" if fits else f"it needs {one.name}{one.specifier}, {found} is installed; pip install {_quoted(one)}"


def _quoted(one: Requirement) -> str:
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    wanted = f"{one.name}{extras}{one.specifier}"
    return one.name if wanted == one.name else f"'{wanted}'"


def _applying(text: str) -> Requirement | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        one = Requirement(text)
    except InvalidRequirement:
        return None
    return one if _applies(one) else None


def _applies(one: Requirement) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": ""})
