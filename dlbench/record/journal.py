"""The folder of a report while a session writes it: one writer at a time, and written Runs are never lost."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from dlbench.errors import RecordError, redaction
from dlbench.record import digests, files
from dlbench.record.digests import DIGESTS_FILE, FileDigest, Running
from dlbench.record.encoding import encode
from dlbench.record.interrupts import ENDING
from dlbench.record.reading import decode, read_plan, split
from dlbench.record.schema import PARITY_FILE, PLAN_FILE, RUNS_FILE, Plan, Record, Run

INTERRUPTS = (signal.SIGINT, *ENDING)
LOCK_SECONDS = 2.0
"""Longest wait for another writer to go."""


class Journal:
    """A plan and the Runs so far, locked against other processes; a context that lets go of the folder.

    A session that began here and leaves without a Run removes its files. The budget is the plan's, unless the call that
    goes on with it says another.
    """

    def __init__(self, folder: Path, plan: Plan, lock: int, made: Sequence[Path] | None = None) -> None:
        self.folder, self.plan = folder, plan
        self.runs: list[Run] = []
        self.budget_seconds = plan.policy.budget_seconds
        self._lock, self._made = lock, made
        self._digest = Running()
        self._written: dict[str, tuple[tuple[int, int, int], FileDigest]] = {}

    def append(self, runs: Sequence[Run]) -> None:
        """Return when the Runs are on the disk, redacted. Raises RecordError, and then the file is as it was."""
        runs = redaction.record(runs)
        with _undisturbed():
            self._digest.add(append(self.folder / RUNS_FILE, runs))
            self.runs += runs
            self.cover()

    def truncate(self, number: int) -> None:
        """Forget all Runs after the first `number`, such as those of a group that was cut short.

        The digests change first: a process that is killed in between leaves a file with lines that they do not cover.
        """
        kept = self.runs[:number]
        if kept == self.runs:
            return
        path = self.folder / RUNS_FILE
        content = b"".join(path.read_bytes().splitlines(keepends=True)[:number])
        with _undisturbed():
            self._digest, self.runs = Running(content), kept
            self.cover()
            files.replace(path, content)

    def arrange(self, place: Callable[[Run], int]) -> None:
        """Put the Runs in this order, those with one place as they are: groups that ran at the same time end in any."""
        order = sorted(range(len(self.runs)), key=lambda number: place(self.runs[number]))
        if order == list(range(len(order))):
            return
        path = self.folder / RUNS_FILE
        lines = path.read_bytes().splitlines(keepends=True)
        content = b"".join(lines[number] for number in order)
        with _undisturbed():
            files.replace(path, content)
            self.runs[:] = [self.runs[number] for number in order]
            self._digest = Running(content)
            self.cover()

    def cover(self) -> None:
        """Write digests of the raw files as they are now, in one piece. Raises RecordError."""
        path = self.folder / DIGESTS_FILE
        known = {RUNS_FILE: self._digest.now}
        try:
            known |= {name: self._digest_of(name) for name in (PLAN_FILE, PARITY_FILE) if (self.folder / name).exists()}
            files.replace(path, digests.content(digests.of_folder(self.folder, known)))
        except OSError as error:
            raise RecordError(f"{path}: cannot be written ({error.strerror}); free some space and --resume") from error

    def _digest_of(self, name: str) -> FileDigest:
        """The digest of a file that is written once; it is not read again while it is as it was. Raises OSError."""
        at = (self.folder / name).stat()
        state = at.st_ino, at.st_size, at.st_mtime_ns
        if name not in self._written or self._written[name][0] != state:
            self._written[name] = state, digests.of(files.read(self.folder / name))
        return self._written[name][1]

    def __enter__(self) -> Journal:
        """The folder is locked already."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Let go of the folder; nothing is left of a session without a Run."""
        if not self.runs and self._made is not None:
            _remove(self.folder, self._made)
        os.close(self._lock)


def begin(folder: Path, plan: Plan, *, anew: bool = False) -> Journal:
    """Make the folder and put the plan there. Raises RecordError when it cannot be, or already holds a report.

    With `anew` an existing folder belongs to another session, and one with a number at its end is made.
    """
    made: list[Path] = []
    try:
        folder = _claimed(folder, made) if anew else folder
        _make(folder, made)
        journal = Journal(folder, plan, _locked(folder), made)
    except OSError as error:
        _unmake(made)
        raise RecordError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
    if (folder / RUNS_FILE).exists() or (folder / PLAN_FILE).exists():
        os.close(journal._lock)
        raise RecordError(f"{folder} already holds a report; --resume it, give another --out, or remove it first")
    try:
        files.replace(folder / PLAN_FILE, encode(_reworded(plan, redaction.portable)) + b"\n")
    except OSError as error:
        journal.__exit__(None)
        raise RecordError(f"{folder} cannot be written ({error.strerror}); give another --out") from error
    return journal


def resume(folder: Path) -> Journal:
    """Open a folder that a session left; a line that was being written is cut off. Raises RecordError."""
    plan, path = _reworded(read_plan(folder / PLAN_FILE), redaction.local), folder / RUNS_FILE
    try:
        journal = Journal(folder, plan, _locked(folder))
        try:
            _take_up(journal, path)
        except BaseException:
            os.close(journal._lock)
            raise
    except OSError as error:
        raise RecordError(
            f"{path} cannot be resumed ({error.strerror}); free some space, or copy the folder"
        ) from error
    return journal


def _take_up(journal: Journal, path: Path) -> None:
    """Read the Runs that are there, if they are as they were written. Raises OSError or RecordError."""
    content = files.read(path) if path.exists() else b""
    whole, torn = split(content)
    journal.runs = [decode(line, f"{path}:{number}") for number, line in enumerate(whole, start=1)]
    digests.check(journal.folder)
    if torn:
        files.replace(path, content[: len(content) - len(torn)])
    journal._digest = Running(content[: len(content) - len(torn)])


def append(path: Path, records: Iterable[Record]) -> bytes:
    """Append records, a line each, and return the lines when they are on the disk.

    Raises RecordError when they are not; the earlier content of the file stays as it was, without half a line.
    """
    lines = b"".join(encode(record) + b"\n" for record in records)
    try:
        new = not path.exists()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        try:
            _write(descriptor, lines)
        finally:
            os.close(descriptor)
        if new:
            files.sync(path.parent)
    except OSError as error:
        raise RecordError(
            f"{path}: cannot be written ({error.strerror}); finished groups are kept; free some space and --resume, "
            "or give another --out"
        ) from error
    return lines


def _reworded(plan: Plan, reword: Callable[[str], str]) -> Plan:
    """A plan whose interpreters and words of the command line are put otherwise: on the disk they name nobody."""
    pythons = {name: reword(python) for name, python in plan.pythons.items()}
    return msgspec.structs.replace(plan, pythons=pythons, asked=tuple(map(reword, plan.asked)))


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Put Ctrl-C off until the finished Runs are written; only the main thread is ever interrupted."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    asked: list[int] = []
    before = [(one, signal.signal(one, lambda number, _: asked.append(number))) for one in INTERRUPTS]
    try:
        yield
    finally:
        for interrupt, handler in before:
            signal.signal(interrupt, handler)
        for number in asked:
            signal.raise_signal(number)


def _write(descriptor: int, lines: bytes) -> None:
    size, left = os.fstat(descriptor).st_size, memoryview(lines)
    try:
        while left:
            left = left[os.write(descriptor, left) :]
        os.fsync(descriptor)
    except BaseException:
        with contextlib.suppress(OSError):  # a device has no length
            os.ftruncate(descriptor, size)
        raise


def _make(folder: Path, made: list[Path]) -> None:
    """Make a folder with its parents, each entry on the disk; `made` gets those that were not there."""
    for one in (*reversed(folder.parents), folder):
        if not one.exists():
            one.mkdir(exist_ok=True)
            made.append(one)
            files.sync(one.parent)


def _claimed(folder: Path, made: list[Path]) -> Path:
    """A new folder of this name, with a number at its end if the name is taken; made by this process alone."""
    _make(folder.parent, made)
    for number in itertools.count(1):
        one = folder if number == 1 else folder.with_name(f"{folder.name}-{number}")
        with contextlib.suppress(FileExistsError):
            one.mkdir()
            made.append(one)
            break
    return one


def _remove(folder: Path, made: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):
        for name in (RUNS_FILE, PARITY_FILE, PLAN_FILE, DIGESTS_FILE):
            (folder / name).unlink(missing_ok=True)
    _unmake(made)


def _unmake(made: Sequence[Path]) -> None:
    with contextlib.suppress(OSError):
        for one in reversed(made):
            one.rmdir()


def _locked(folder: Path) -> int:
    """A descriptor that holds the lock on a folder; the kernel releases it with the process. Raises RecordError.

    A child that was about to start when its parent was killed holds a copy until it has started, so a moment is waited.
    """
    import fcntl

    descriptor, deadline = os.open(folder, os.O_RDONLY), time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return descriptor
        except BlockingIOError as error:
            if time.monotonic() > deadline:
                os.close(descriptor)
                said = f"{folder} is being written by another dlbench; wait for it or give another --out"
                raise RecordError(said) from error
            time.sleep(0.02)
