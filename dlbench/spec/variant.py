"""A variant: one of several arms of a program that differ in settings of its framework."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

import msgspec

from dlbench.errors import SpecError
from dlbench.spec.ranges import require

FORM = "NAME=KEY:VALUE[,KEY:VALUE], such as fast=mode:max-autotune, or NAME= without settings for the base"
_NAME = re.compile(r"[\w.+-]{1,40}")
_SETTING = re.compile(r"([\w.-]{1,80}):([\w.+-]{1,80})")

Settings = tuple[tuple[str, str], ...]
"""Keys of a framework's settings with their values, sorted by key."""


class Variant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A name, and the settings that the framework gets; without settings it is the base.

    `early` are environment variables that must be set before the framework is imported: a value that starts with `--`
    is appended to the variable, any other replaces it. `rounding` names the type to which the settings may round
    operands of products (`bf16`), empty if they leave them float32. `devices` is the key of the setting that makes
    several workers devices of one process, empty for a process each. All three follow from the settings, by the
    plugin's own table (`dlbench.plugin.Setting`).
    """

    name: str
    settings: Settings = ()
    early: Settings = ()
    rounding: str = ""
    devices: str = ""

    def __post_init__(self) -> None:
        require(_NAME.fullmatch(self.name) is not None, "name of a variant", self.name, "letters, digits and . _ + -")

    @property
    def of_one_worker(self) -> Variant:
        """The variant without the setting that says how several workers are joined."""
        settings = tuple((key, value) for key, value in self.settings if key != self.devices)
        return msgspec.structs.replace(self, settings=settings, devices="")

    @property
    def text(self) -> str:
        """The variant as its option takes it."""
        return f"{self.name}=" + ",".join(f"{key}:{value}" for key, value in self.settings)


def variants(texts: Sequence[str]) -> list[Variant]:
    """Variants as the option states them. Raises SpecError for an invalid one, and for two of one name."""
    found = [_variant(text) for text in texts]
    for name, number in Counter(one.name for one in found).items():
        if number > 1:
            said = " and ".join(f"--variant {one.text}" for one in found if one.name == name)
            raise SpecError(f"{said} have one name; give each variant a name of its own")
    return found


def _variant(text: str) -> Variant:
    name, equals, rest = (part.strip() for part in text.partition("="))
    matches = [_SETTING.fullmatch(part.strip()) for part in rest.split(",") if part or "," in rest]
    pairs = [(match[1], match[2]) for match in matches if match]
    if not equals or not _NAME.fullmatch(name) or len(pairs) < len(matches):
        raise SpecError(f"--variant {text!r} is not {FORM}")
    for key, number in Counter(key for key, _ in pairs).items():
        if number > 1:
            raise SpecError(f"--variant {text!r} sets {key} {number} times; give it one value")
    return Variant(name, tuple(sorted(pairs)))
