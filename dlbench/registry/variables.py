"""Environment variables of a variant, in this process, before its framework is imported."""

from __future__ import annotations

import os

from msgspec import UNSET

from dlbench.errors import Unsupported
from dlbench.spec import Spec

FLAG = "--"
"""Beginning of a flag: it is appended to the value of its variable, in which the last of two flags counts."""

_imported: set[str] = set()


def prepare(spec: Spec) -> None:
    """Set the variables of the Spec's variant; its framework may be imported from now on.

    Raises Unsupported if another variant, or none, has had it imported in this process.
    """
    for name, text in spec.variant.early if spec.variant is not UNSET else ():
        if holds(name, text):
            continue
        if spec.framework in _imported:
            raise Unsupported(
                f"{spec.label} needs {name}={text} before {spec.framework} is imported, and this process has imported "
                "it; use --isolation fresh"
            )
        before = os.environ.get(name, "")
        os.environ[name] = f"{before} {text}".strip() if text.startswith(FLAG) else text
    _imported.add(spec.framework)


def holds(name: str, text: str) -> bool:
    """True if the variable has this text, or ends with this flag among others."""
    held = os.environ.get(name, "")
    return text in held.split() if text.startswith(FLAG) else name in os.environ and held == text
