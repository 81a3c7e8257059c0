"""State of a search that is going on, on the disk, so that its folder alone can resume it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import msgspec

from dlbench.api.bisection.request import Request
from dlbench.errors import RecordError, SpecError, redaction
from dlbench.record import files
from dlbench.workers.environments.ranges import Found

STATE_FILE = "search.json"


class State(msgspec.Struct):
    """Facts of a search that is going on: the words of its command, its range, and members that cannot run here.

    `begun_in` is the folder where it began: words name other folders from there.
    """

    words: list[str]
    members: list[str]
    skipped: dict[int, str] = {}
    begun_in: str = ""

    def begun(self, found: Found) -> Found:
        """The range with the members that it had then, if it still has all of them: others were released since."""
        one_of = {one.name: one for one in found.candidates}
        if not one_of.keys() >= set(self.members):
            return found
        return found._replace(candidates=tuple(one_of[name] for name in self.members))


def read(folder: Path) -> State:
    """The state of a search that was begun. Raises RecordError."""
    try:
        kept = msgspec.json.decode((folder / STATE_FILE).read_bytes(), type=State)
    except (OSError, msgspec.MsgspecError) as error:
        raise RecordError(f"{folder} holds no bisection ({error}); give --resume the folder of one") from error
    kept.words, kept.begun_in = [redaction.local(word) for word in kept.words], redaction.local(kept.begun_in)
    return kept


@contextlib.contextmanager
def where_it_began(folder: Path) -> Iterator[State]:
    """Its state, and work where it began while the block runs. Raises RecordError, and SpecError if that is gone."""
    kept = read(folder)
    place = Path(kept.begun_in or ".")
    if not place.is_dir():
        raise SpecError(f"{folder} is of a search that began in {place}, and that is no folder; begin another one")
    with contextlib.chdir(place):
        yield kept


def write(folder: Path, kept: State) -> None:
    """Put it on the disk, where it names nobody. Raises RecordError."""
    said = State(
        [redaction.portable(word) for word in kept.words],
        kept.members,
        {member: redaction.text(reason) for member, reason in kept.skipped.items()},
        redaction.portable(kept.begun_in),
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace(folder / STATE_FILE, msgspec.json.encode(said))
    except OSError as error:
        raise RecordError(f"{folder} cannot be written ({error.strerror}); give another --out") from error


def opened(asked: Request) -> State:
    """The state of the search, on the disk. Raises RecordError and SpecError."""
    members = [one.name for one in asked.found.candidates]
    if asked.resume:
        kept = read(asked.folder)
        if kept.members != members:
            raise SpecError(f"{asked.folder} searched another range, {kept.members[0]} to {kept.members[-1]}")
        return kept
    if (asked.folder / STATE_FILE).exists():
        raise RecordError(f"{asked.folder} already holds a bisection; --resume it, or give another --out")
    kept = State(list(asked.words), members, begun_in=str(Path.cwd()))
    write(asked.folder, kept)
    return kept
