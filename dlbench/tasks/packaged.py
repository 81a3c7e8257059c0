"""Data that an installed package ships: located without importing the package, and checked."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

from dlbench.errors import SpecError


def find_file(package: str, relative: str, task: str) -> Path:
    """The path of a file inside an installed package. Raises SpecError that says what to install."""
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (path := Path(folder) / relative).is_file():
            return path
    what = f"has no {relative}" if spec else "is not installed"
    raise SpecError(
        f"task {task}: its data comes with the package {package}, which {what}; pip install 'dlbench[data]'"
    )


def checksum(arrays: tuple[Any, ...]) -> str:
    """SHA-256 over the bytes of the arrays."""
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def verify(found: str, expected: str, task: str, package: str) -> str:
    """Return the checksum. Raises SpecError when the data is not what the task was stated for."""
    if found != expected:
        raise SpecError(
            f"task {task}: the data of {package} has checksum {found[:12]}, the task was stated for {expected[:12]}; "
            "install the version that dlbench[data] names"
        )
    return found
