"""Arrays that a session has probed, kept for the errors of the same arms: neither is built and compiled twice."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from dlbench.parity.probe import Look
from dlbench.spec import Spec

Tell = Callable[[str], None]
"""Receiver of a line on the arm that is looked at."""
MOST_BYTES = 2**30
"""Bytes of files that are kept; the arms of a model that is larger are probed again."""


class Kept:
    """Nothing is kept, and nobody is told."""

    keeps = False

    def looking(self, text: str) -> None:
        """An arm is built and looked at from now on."""

    def take(self, spec: Spec, look: Look, path: Path) -> None:
        """Take the file of the arrays of a Spec, which the caller deletes otherwise."""

    def of(self, spec: Spec) -> dict[str, Any] | None:
        """The arrays of exactly this Spec; None if there are none."""


class KeptOnDisk(Kept):
    """Keeps files in a folder, and tells."""

    keeps = True

    def __init__(self, folder: Path, tell: Tell) -> None:
        self._folder, self._tell = folder, tell
        self._files: dict[tuple[Spec, Look], Path] = {}

    def looking(self, text: str) -> None:
        """Tell."""
        self._tell(text)

    def take(self, spec: Spec, look: Look, path: Path) -> None:
        """Move the file, unless it is too large beside those that are kept; a later one replaces an earlier one."""
        others = sum(one.stat().st_size for kept, one in self._files.items() if kept != (spec, look))
        if others + path.stat().st_size > MOST_BYTES:
            return
        place = self._files.setdefault((spec, look), self._folder / f"{len(self._files)}.npz")
        shutil.move(path, place)

    def of(self, spec: Spec) -> dict[str, Any] | None:
        """Read the files, gradients last."""
        looks: tuple[Look, ...] = ("all", "without gradients", "gradients")
        found: dict[str, Any] = {}
        for path in (self._files[spec, look] for look in looks if (spec, look) in self._files):
            with np.load(path, allow_pickle=False) as file:
                found |= file
        return found or None


@contextmanager
def kept_on_disk(tell: Tell) -> Iterator[Kept]:
    """Files that are kept as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="dlbench-kept-") as folder:
        yield KeptOnDisk(Path(folder), tell)


NOTHING = Kept()
