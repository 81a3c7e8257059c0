"""Requirements that a distribution states in its metadata: those that apply here, and the first that is not met."""

from __future__ import annotations

from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import InvalidVersion, Version

from dlbench.registry import installed


def names(texts: Iterable[str]) -> list[str]:
    """Distributions that these requirements name, but for extras and markers that do not apply here."""
    return list(dict.fromkeys(one.name for text in texts if (one := _applying(text)) is not None))


def unmet(texts: Iterable[str]) -> str:
    """The first requirement that is not met here, and a remedy; empty if all are."""
    for text in texts:
        try:
            why = _unmet(Requirement(text))
        except InvalidRequirement:
            why = f"its requirement {text!r} cannot be read; install it again"
        if why:
            return why
    return ""


def _unmet(one: Requirement) -> str:
    if not _applies(one):
        return ""
    if not installed.is_there(one.name):
        return f"it needs {one.name}, which is not installed; pip install {_quoted(one)}"
    try:
        fits = one.specifier.contains(Version(found := installed.quick_version(one.name)), prereleases=True)
    except InvalidVersion:  # its metadata does not say it
        return ""
    return "" if fits else f"it needs {one.name}{one.specifier}, {found} is installed; pip install {_quoted(one)}"


def _quoted(one: Requirement) -> str:
    extras = f"[{','.join(sorted(one.extras))}]" if one.extras else ""
    wanted = f"{one.name}{extras}{one.specifier}"
    return one.name if wanted == one.name else f"'{wanted}'"


def _applying(text: str) -> Requirement | None:
    try:
        one = Requirement(text)
    except InvalidRequirement:
        return None
    return one if _applies(one) else None


def _applies(one: Requirement) -> bool:
    return one.marker is None or one.marker.evaluate({"extra": ""})
