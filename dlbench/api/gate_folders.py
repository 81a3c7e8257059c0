"""Folders of gates under the system's temporary one: each is held by its process, and removed once nobody holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX, OWNER = "dlbench-gate-", "owner"
"""Start of the name of such a folder, and the file in it that its process keeps locked."""


@contextmanager
def held() -> Iterator[Path]:
    """A new folder, removed at the end; those of gates that were killed go first."""
    for left in _left_behind():
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=PREFIX, ignore_cleanup_errors=True) as made:
        descriptor = os.open(Path(made, OWNER), os.O_CREAT | os.O_WRONLY, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield Path(made)
        finally:
            os.close(descriptor)


def is_gone(checkout: Path) -> bool:
    """True for a checkout in the folder of a gate that is no longer there."""
    return checkout.parent.name.startswith(PREFIX) and not checkout.exists()


def _left_behind() -> Iterator[Path]:
    """Folders of this user whose process is gone: the kernel let go of its lock."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # of another user, or just removed by its own process
            descriptor = os.open(folder / OWNER, os.O_RDONLY | os.O_NOFOLLOW)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not folder.is_symlink() and folder.stat().st_uid == os.getuid():
                    yield folder
            finally:
                os.close(descriptor)
