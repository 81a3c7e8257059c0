"""Whole files, read and put in the place of others.

A full disk or a killed process leaves what was there, and never a half.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Mapping
from errno import EINVAL
from pathlib import Path

KINDS = {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def read(path: Path) -> bytes:
    """Content of a file. Raises OSError, also for a device or a pipe, which might have no end or never begin."""
    if (kind := KINDS.get(stat.S_IFMT(path.stat().st_mode))) is not None:
        raise OSError(EINVAL, f"it is {kind} and no file", str(path))
    return path.read_bytes()


def replace(path: Path, content: bytes) -> None:
    """Put a whole file in the place of another, or none, and return when it is on the disk. Raises OSError."""
    replace_all({path: content})
    sync(path.parent)


def replace_all(files: Mapping[Path, bytes]) -> None:
    """Put whole files in the place of others, and none of them if one cannot be made. Raises OSError.

    The new ones are made exclusively: a file that a killed process left under such a name is removed first, and a
    symbolic link there is not written through. The error names the file that could not be written.
    """
    beside = {path: path.with_name(f".{path.name}.new") for path in files}
    path = Path()
    try:
        for path, content in files.items():
            beside[path].unlink(missing_ok=True)
            with beside[path].open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        for path, new in beside.items():
            new.replace(path)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            for new in beside.values():
                new.unlink(missing_ok=True)


def sync(folder: Path) -> None:
    """Have the kernel write a folder's entries: fsync(2) says that syncing a file does not do that."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
