"""Digests of the raw files of a report, by which any changed byte of them is found.

They are no signature: whoever changes a file can write new digests beside it. Against that helps only the one digest of
them all, kept where the report is not (`dlbench verify REPORT --digest ...`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import msgspec

from dlbench.errors import DlbenchError, RecordError
from dlbench.record import files
from dlbench.record.encoding import page
from dlbench.record.fidelity import FIDELITY_FILE
from dlbench.record.reading import from_json
from dlbench.record.schema import PARITY_FILE, PLAN_FILE, RUNS_FILE, SCHEMA, Record
from dlbench.stats.ranges import NotNegative

GATE_FILE, DIGESTS_FILE = "gate.json", "digests.json"
RAW_FILES = (RUNS_FILE, PLAN_FILE, PARITY_FILE, FIDELITY_FILE, GATE_FILE)
"""Files that are read again; all others in the folder of a report can be rendered from them."""

State = Literal["intact", "changed", "missing", "longer", "not covered"]
"""State of a file. `longer` is intact as far as it is covered: its session was ended before it could cover the rest, or
somebody appended it. `not covered` was not there when the digests were written.
"""


class FileDigest(Record, frozen=True):
    """The first `bytes` bytes of a file, by their SHA-256."""

    bytes: NotNegative
    sha256: str


class Running:
    """The digest of a file that grows."""

    def __init__(self, content: bytes = b"") -> None:
        self._bytes, self._hash = len(content), hashlib.sha256(content)

    def add(self, content: bytes) -> None:
        """The file has these bytes more."""
        self._bytes += len(content)
        self._hash.update(content)

    @property
    def now(self) -> FileDigest:
        """The digest of the file so far."""
        return FileDigest(bytes=self._bytes, sha256=self._hash.hexdigest())


class Digests(Record, frozen=True):
    """Digests of the raw files, and one `digest` of them all."""

    digest: str
    files: dict[str, FileDigest]
    kind: Literal["dlbench digests"] = "dlbench digests"
    schema: int = SCHEMA


class Checked(Record, frozen=True):
    """A file and its state."""

    file: str
    state: State


class Verified(Record, frozen=True):
    """A report whose raw files were held against their digests; `digest` is of them all, as the report states it.

    `others` are files of its folder that no digest is of, such as rendered pages.
    """

    digest: str
    files: tuple[Checked, ...]
    others: tuple[str, ...] = ()

    @property
    def intact(self) -> bool:
        """True if every file is."""
        return all(one.state == "intact" for one in self.files)


def of(content: bytes) -> FileDigest:
    """The digest of a whole file."""
    return FileDigest(bytes=len(content), sha256=hashlib.sha256(content).hexdigest())


def of_folder(folder: Path, known: Mapping[str, FileDigest]) -> Digests:
    """Digests of the raw files that are there; those of `known` files need not be read. Raises OSError."""
    there = [name for name in RAW_FILES if (folder / name).exists()]
    covered = {name: known[name] if name in known else of(files.read(folder / name)) for name in there}
    return Digests(digest=_together(covered), files=covered)


def content(found: Digests) -> bytes:
    """The file of these digests."""
    return page(found).encode()


def verify(folder: Path) -> Verified:
    """Hold the raw files of a report against its digests. Raises RecordError for a report without any."""
    try:
        written = files.read(folder / DIGESTS_FILE)
    except FileNotFoundError as error:
        raise RecordError(
            f"{folder}: has no {DIGESTS_FILE}, so nothing can be verified; reports of earlier versions have none"
        ) from error
    except OSError as error:
        raise RecordError(
            f"{folder / DIGESTS_FILE}: cannot be read ({error.strerror}); give the folder of a report"
        ) from error
    try:
        found = from_json(written, Digests)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DlbenchError):
        changed = Checked(file=DIGESTS_FILE, state="changed")
        return Verified(digest="", files=(changed,), others=tuple(_others(folder)))
    own = content(found) == written and _together(found.files) == found.digest
    states = [Checked(file=DIGESTS_FILE, state="intact" if own else "changed")]
    names = dict.fromkeys((*RAW_FILES, *found.files))
    states += [
        Checked(file=name, state=state) for name in names if (state := _state(folder / name, found.files.get(name)))
    ]
    return Verified(digest=found.digest, files=tuple(states), others=tuple(_others(folder)))


def check(folder: Path) -> None:
    """Raise RecordError if a file was changed, so that nobody goes on with it; without digests nothing is known."""
    if not (folder / DIGESTS_FILE).exists():
        return
    for one in verify(folder).files:
        if one.state in ("changed", "missing"):
            raise RecordError(
                f"{folder / one.file}: {one.state} since dlbench wrote it; measure again with another --out, "
                f"or remove {DIGESTS_FILE} to go on without proof"
            )


def _others(folder: Path) -> list[str]:
    """Files beside the raw ones. Raises RecordError for a folder that cannot be listed."""
    known = (*RAW_FILES, DIGESTS_FILE)
    try:
        return sorted(one.name for one in folder.iterdir() if one.is_file() and one.name not in known)
    except OSError as error:
        raise RecordError(f"{folder}: cannot be listed ({error.strerror}); see its permissions") from error


def _state(path: Path, digest: FileDigest | None) -> State | None:
    """None for a file that is neither there nor covered. Raises RecordError."""
    if path.name not in RAW_FILES:
        return "changed"
    try:
        found = files.read(path)
    except FileNotFoundError:
        return None if digest is None else "missing"
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); see its permissions") from error
    if digest is None:
        return "not covered"
    if of(found[: digest.bytes]) != digest:
        return "changed"
    return "intact" if len(found) == digest.bytes else "longer"


def _together(files: Mapping[str, FileDigest]) -> str:
    """SHA-256 over a line for each file: its name, bytes and digest."""
    lines = (f"{name} {one.bytes} {one.sha256}\n" for name, one in sorted(files.items()))
    return hashlib.sha256("".join(lines).encode("utf-8", "backslashreplace")).hexdigest()
