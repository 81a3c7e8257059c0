"""An axis of a Spec: all that the core says of one of its fields, and asks about it."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from dlbench.errors import SpecError
from dlbench.spec.phases import Path
from dlbench.spec.ranges import Range, require, within
from dlbench.spec.source import ModelSource, Option
from dlbench.spec.variant import Variant

Options = tuple[tuple[str, Option], ...]
"""Keywords of a model's factory with their values, sorted by name."""


@dataclass(frozen=True)
class Axis:
    """One field of a Spec.

    It `makes` an arm, so that Specs which differ in it are compared, or a workload. `help` describes its option, which
    is called like the field, or `flag`; without `help` it has none. `plain` is the default that labels and commands
    leave out; `values` are the defaults of an axis that they always name. An axis with neither follows from the rest
    (`dlbench.session.plan`). `label` is a format that says a value. `only` is the one path that has the axis. `agrees`
    compares the requested value with the one that a plugin built; None if no plugin reads it back. `difference` is the
    effect of unequal values on the figures.
    """

    field: str
    makes: Literal["arm", "workload"]
    help: str = ""
    flag: str = ""
    kind: type = str
    choices: tuple[str, ...] = ()
    closed: bool = True
    """True if a Spec takes the choices alone; the command line always does."""
    files: tuple[str, ...] = ()
    """Endings of files that its option takes as well, which say something else than a value of the axis."""
    allowed: Range | None = None
    several: bool = True
    metavar: str = ""
    """Form of a text that is not split at commas."""
    repeated: bool = False
    """True if a command repeats the option for every value."""
    values: tuple[Any, ...] = ()
    plain: object = None
    absent: str = ""
    """Its option's word for the plain value, if a Spec leaves that one unset."""
    label: str = "{}"
    only: Path | None = None
    read: Callable[[Sequence[Any]], Sequence[Any]] = tuple
    """Values of a Spec for the user's values."""
    agrees: Callable[[Any, Any], bool] | None = None
    difference: str = ""

    @property
    def defaults(self) -> tuple[Any, ...]:
        """Values of a selection that names none; empty if they follow from the rest."""
        return self.values or (() if self.plain is None else (self.plain,))

    @property
    def option(self) -> str:
        """The name of its option, key and keyword; empty if it has none."""
        return (self.flag or self.field) if self.help else ""

    @property
    def name(self) -> str:
        """The field in words."""
        return self.field.replace("_", " ")

    def told(self, value: Any) -> str:
        """The value in a label that distinguishes workloads or arms."""
        shown = value.name if isinstance(value, Variant) else self.text(value)
        return self.label.format(shown or "none")

    def text(self, value: Any) -> str:
        """The value as its option takes it."""
        return self.absent if value is msgspec.UNSET else as_text(value)

    def said(self, value: Any) -> str:
        """The value as a label says it; empty for the plain one."""
        return "" if value == self.plain else self.told(value)

    def of(self, value: Any) -> str:
        """The value as it is said after the name of the axis."""
        return self.label.removeprefix(f"{self.name} ").format(value)

    def check(self, value: Any, path: Path) -> None:
        """Raise SpecError unless a Spec of this path can have the value."""
        if self.choices and self.closed:
            require(value in self.choices, self.name, value, f"one of {', '.join(self.choices)}")
        if self.allowed is not None:
            within(self.name, value, self.allowed)
        fits = self.only in (None, path) or value == self.plain
        require(fits, self.name, value, f"left out unless the path is {self.only}")


def as_text(value: Any) -> str:
    """A value as its option takes it; a model by its reference."""
    if isinstance(value, ModelSource):
        return value.reference
    if isinstance(value, Variant):
        return value.text
    return ",".join(f"{name}={one}" for name, one in value) if isinstance(value, tuple) else str(value)


def device_words(asked: Sequence[str]) -> list[str]:
    """Device names of a Spec for CUDA's names: `cuda:1` is `gpu:1`. Raises SpecError."""
    for word in asked:
        require(
            re.fullmatch(r"[a-z]+(:\d+)?", word) is not None, "device", word, "cpu, gpu, gpu:N, cuda:N, mps or auto"
        )
    parts = (word.partition(":") for word in asked)
    return [f"{'gpu' if kind == 'cuda' else kind}{colon}{number}" for kind, colon, number in parts]


def device_agrees(asked: str, built: str) -> bool:
    """True if a device is the one that was asked for: `auto` leaves the choice to the plugin, `gpu` the number."""
    return asked in ("auto", built) or (asked == "gpu" and built.startswith("gpu:"))


def option_grid(texts: Sequence[str]) -> list[Options]:
    """Every combination of options such as `hidden=128,layers=2,4`; a name may have several values.

    Raises SpecError for a text that is no list of them.
    """
    values: dict[str, list[Option]] = {}
    for name, value in (pair for text in texts for pair in _pairs(text)):
        values.setdefault(name, []).append(value)
    names = sorted(values)
    combinations = itertools.product(*(dict.fromkeys(values[name]) for name in names))
    return [tuple(zip(names, chosen, strict=True)) for chosen in combinations]


def _pairs(text: str) -> Iterator[tuple[str, Option]]:
    name = ""
    for part in text.split(","):
        head, equals, value = part.partition("=")
        name, value = (head.strip(), value.strip()) if equals else (name, part.strip())
        if not name.isidentifier() or not value:
            raise SpecError(f"--set {text!r} is not NAME=VALUE, such as hidden=128 or hidden=128,layers=2,4")
        yield name, _option(value)


def _option(text: str) -> Option:
    """The text as a boolean or a finite number, if it is one."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        return value if math.isfinite(value) else text
    return text
