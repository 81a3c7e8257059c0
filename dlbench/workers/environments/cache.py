"""Cache of environments: a folder each, whole or not there, the one that was used last kept longest."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib.metadata import distributions
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

import msgspec

from dlbench.errors import SpecError
from dlbench.workers.environments import layers
from dlbench.workers.environments.layers import NothingInstallable, Recipe

MADE = "made.json"
"""File of an environment that is whole; it is written last."""
LIMIT, ROOM = 20 * 10**9, 10**9
"""Bytes of all environments, beyond which those that were not used for longest go; and bytes of the disk that must be
free before another one is made."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """Facts of an environment: its requirements, its packages beyond those below it, its bytes, the seconds it took."""

    words: tuple[str, ...]
    below: str
    installer: str
    installed: dict[str, str]
    size: int
    seconds: float


class Environment(NamedTuple):
    """An environment of the cache; `made` is None for one that was left unfinished."""

    folder: Path
    made: Made | None

    @property
    def key(self) -> str:
        """Its name in the cache."""
        return self.folder.name

    @property
    def python(self) -> str:
        """Path of its interpreter."""
        return str(layers.python(self.folder))

    @property
    def words(self) -> tuple[str, ...]:
        """Its requirements, where they are known."""
        return () if self.made is None else self.made.words

    @property
    def installed(self) -> dict[str, str]:
        """Versions of its packages beyond those below it."""
        return {} if self.made is None else self.made.installed

    @property
    def size(self) -> int:
        """Its bytes."""
        return _bytes(self.folder) if self.made is None else self.made.size

    @property
    def used(self) -> float:
        """Time of its last use, in seconds since the epoch."""
        return (self.folder if self.made is None else self.folder / MADE).stat().st_mtime


def folder() -> Path:
    """The folder of the cache: `DLBENCH_CACHE`, or `dlbench` in that of XDG."""
    named = os.environ.get("DLBENCH_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache") / "dlbench"
    return base.expanduser().absolute() / "environments"


class Cache:
    """Environments of this user; those that this object gave out are not removed before its end."""

    def __init__(self, place: Path | None = None, limit: int = LIMIT, room: int = ROOM) -> None:
        self._place, self._limit, self._room, self._held = place or folder(), limit, room, ExitStack()

    def __enter__(self) -> Cache:
        """Nothing is held yet."""
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        """Let go of all environments."""
        self._held.close()

    def environment(self, recipe: Recipe, side: str, say: Callable[[str], object] = lambda _: None) -> Environment:
        """The environment of a recipe, made if it is not there or damaged. Raises NotInstallable and SpecError."""
        with _writable(self._place):
            return self._environment(recipe, side, say)

    def _environment(self, recipe: Recipe, side: str, say: Callable[[str], object]) -> Environment:
        key = _key(recipe)
        self._place.mkdir(parents=True, exist_ok=True)
        with _lock(self._place / f"{key}.making", fcntl.LOCK_EX):
            self._held.enter_context(_lock(self._place / f"{key}.lock", fcntl.LOCK_SH))
            found = read(self._place / key)
            if found is None or not _whole(found):
                if found is not None:
                    said = "left unfinished" if found.made is None else "damaged"
                    say(f"the environment of {side} was {said}: it is made anew")
                found = self._make(recipe, key, side, say)
        os.utime(found.folder / MADE)
        self._shrink()
        return found

    def all(self) -> list[Environment]:
        """Every environment, the last used first, and at the end those that were left unfinished."""
        found = [read(one) for one in self._place.glob("*/")] if self._place.is_dir() else []
        known = [one for one in found if one is not None]
        return sorted(known, key=lambda one: (one.made is None, -one.used))

    def remove(self, key: str) -> None:
        """Remove an environment. Raises SpecError for one that does not exist or that another process uses."""
        if not key or Path(key).name != key or not (self._place / key).is_dir():
            raise SpecError(f"the cache has no environment {key!r}; dlbench env list shows their names")
        with _writable(self._place):
            gone = self._gone(key)
        if not gone:
            raise SpecError(f"the environment {key} is used by another dlbench; remove it when that has ended")

    def _make(self, recipe: Recipe, key: str, side: str, say: Callable[[str], object]) -> Environment:
        self._require_room()
        place, begin = self._place / key, time.monotonic()
        shutil.rmtree(place, ignore_errors=True)
        say(f"installing {side}")
        try:
            installed = layers.make(recipe, place, side)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        made = Made(
            words=recipe.words,
            below=sys.prefix,
            installer=layers.installer(),
            installed=installed,
            size=_bytes(place),
            seconds=time.monotonic() - begin,
        )
        (place / MADE).write_bytes(msgspec.json.encode(made))
        say(f"installed {side} in {made.seconds:.0f} s, {made.size / 1e6:.0f} MB")
        return Environment(place, made)

    def _require_room(self) -> None:
        free = shutil.disk_usage(self._place).free
        if free < self._room:
            raise NothingInstallable(
                f"{self._place} has {free / 1e9:.1f} GB free, and an environment may take {self._room / 1e9:.1f}; "
                "free some (dlbench env remove), or name another folder in DLBENCH_CACHE"
            )

    def _shrink(self) -> None:
        """Remove what was not used for longest while all are larger than the limit; none that is in use."""
        found = self.all()
        size = sum(one.size for one in found)
        while found and size > self._limit:
            oldest = found.pop()
            taken = oldest.size
            size -= taken if self._gone(oldest.key) else 0

    def _gone(self, key: str) -> bool:
        """Remove it, unless somebody holds it."""
        with contextlib.suppress(BlockingIOError), _lock(self._place / f"{key}.lock", fcntl.LOCK_EX | fcntl.LOCK_NB):
            (self._place / key / MADE).unlink(missing_ok=True)  # first, so that what is left of it is no whole one
            shutil.rmtree(self._place / key)
            return True
        return False


def read(place: Path) -> Environment | None:
    """The environment in this folder; None if there is none."""
    if not place.is_dir():
        return None
    try:
        return Environment(place, msgspec.json.decode((place / MADE).read_bytes(), type=Made))
    except (OSError, msgspec.MsgspecError):
        return Environment(place, None)


def _whole(found: Environment) -> bool:
    """True if its interpreter and the packages that were installed are there, and their size is what it was."""
    return (
        found.made is not None
        and layers.python(found.folder).exists()
        and (layers.site_packages(found.folder) / layers.BELOW).exists()
        and layers.own_packages(found.folder) == found.made.installed
        and _bytes(found.folder) >= found.made.size
    )


def _key(recipe: Recipe) -> str:
    """Name of an environment: the first requirement, and a digest of all that it is made from."""
    below = sorted(f"{one.name}=={one.version}" for one in distributions() if one.name)
    wheels = [Path(word) for word in recipe.words if word.endswith(".whl")]
    links = [_state(path) for folder in recipe.find_links for path in sorted(Path(folder).glob("*"))]
    facts = [recipe, layers.installer(), sys.executable, sys.version, below, links]
    facts.append([_state(path) for path in wheels])
    digest = hashlib.sha256(msgspec.json.encode(facts)).hexdigest()[:12]
    word = "".join(letter if letter.isalnum() or letter in ".-" else "-" for letter in recipe.words[0])[-40:]
    return f"{word.strip('-.') or 'environment'}-{digest}"


def _state(path: Path) -> tuple[str, int, int]:
    """Name, size and time of a file: one that is built anew under its name makes another environment."""
    try:
        found = path.stat()
    except OSError:
        return path.name, 0, 0
    return path.name, found.st_size, found.st_mtime_ns


def _bytes(place: Path) -> int:
    """Bytes of its files, other than bytecode that comes with use and its own facts."""
    paths = (path for path in place.rglob("*") if path.suffix != ".pyc" and path.name != MADE)
    return sum(_size(path) for path in paths if path.is_file() and not path.is_symlink())


def _size(path: Path) -> int:
    """Bytes of a file; none of one that an installer has just removed."""
    try:
        return path.lstat().st_size
    except FileNotFoundError:
        return 0


@contextmanager
def _writable(place: Path) -> Iterator[None]:
    """Raise NothingInstallable in the system's own words where the block cannot use this folder, as on a full disk."""
    try:
        yield
    except OSError as error:
        why = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        said = f"cannot be written ({why}); make room" if full else f"cannot be used ({why}); mend that"
        raise NothingInstallable(f"{place} {said}, or name another folder in DLBENCH_CACHE") from error


@contextmanager
def _lock(path: Path, how: int) -> Iterator[None]:
    """Hold a lock while the block runs. Raises BlockingIOError as asked."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
