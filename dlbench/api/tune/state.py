"""The words of a race that is going on, on the disk, so that its folder alone can resume it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dlbench.errors import RecordError, redaction
from dlbench.record import files

STATE_FILE = "tuning.words.json"


def read(folder: Path) -> list[str]:
    """The words of the command that began it. Raises RecordError."""
    try:
        found: list[str] = msgspec.json.decode((folder / STATE_FILE).read_bytes(), type=list[str])
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{folder} holds no race ({error}); give --resume the folder of one") from error
    return [redaction.local(word) for word in found]


def begin(folder: Path, words: tuple[str, ...]) -> None:
    """Put the words into a new folder. Raises RecordError."""
    if (folder / STATE_FILE).exists():
        raise RecordError(f"{folder} already holds a race; --resume it, or give another --out")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace(folder / STATE_FILE, msgspec.json.encode([redaction.portable(word) for word in words]))
    except OSError as error:
        raise RecordError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
