"""Places of reports: a file of Runs, or the folder that holds one; what cannot be looked at is one line too."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from dlbench.errors import RecordError
from dlbench.record.schema import RUNS_FILE


def is_folder(path: Path) -> bool:
    """True if it is there and a folder. Raises RecordError if nobody can tell."""
    return _told(path.is_dir, path)


def is_there(path: Path) -> bool:
    """True if something of this name is there. Raises RecordError if nobody can tell."""
    return _told(path.exists, path)


def folder_of(source: Path) -> Path:
    """The folder of a report that is named by it or by its file of Runs. Raises RecordError."""
    return source if is_folder(source) else source.parent


def runs_file(source: Path) -> Path:
    """The file of Runs of a report, which is there or not. Raises RecordError."""
    return source / RUNS_FILE if is_folder(source) else source


def runs_files(source: Path) -> list[Path]:
    """The files of Runs of all reports below a folder, in order, or this file itself. Raises RecordError."""
    if not is_folder(source):
        return [source]
    below = os.walk(source, onerror=_refused)
    return sorted(Path(folder, RUNS_FILE) for folder, _, files in below if RUNS_FILE in files)


def _told(ask: Callable[[], bool], path: Path) -> bool:
    """The answer of the system, unless it refuses one: no permission for the folder above, a name too long."""
    try:
        return ask()
    except OSError as error:
        raise _unread(path, error) from error


def _refused(error: OSError) -> None:
    raise _unread(Path(error.filename), error) from error


def _unread(path: Path, error: OSError) -> RecordError:
    return RecordError(f"{path}: cannot be read ({error.strerror}); give a report, or see its permissions")
