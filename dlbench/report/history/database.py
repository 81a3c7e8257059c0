"""The file of a history: one SQLite table of points. A session that is added again replaces itself."""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from dlbench.errors import RecordError
from dlbench.record import places
from dlbench.report.history.points import Point

VERSION = 1
APPLICATION = 0x646C6268
"""The number by which SQLite files tell whose they are (`PRAGMA application_id`): "dlbh"."""
LOCK_SECONDS = 2.0
"""Longest wait for another writer."""
TYPES = {"value": "REAL NOT NULL", "low": "REAL", "high": "REAL", "n": "INTEGER NOT NULL"}
KEY = "(session, machine, arm, metric)"
COLUMNS = ", ".join(f"{name} {TYPES.get(name, 'TEXT NOT NULL')}" for name in Point._fields)
TABLE = f"CREATE TABLE points ({COLUMNS}, PRIMARY KEY {KEY})"
VALUES = ", ".join("?" * len(Point._fields))
NEW = ", ".join(f"{name} = excluded.{name}" for name in Point._fields)
PUT = f"INSERT INTO points VALUES ({VALUES}) ON CONFLICT {KEY} DO UPDATE SET {NEW} WHERE excluded.n >= points.n"  # noqa: S608
"""A copy of a report that holds fewer processes of a session does not replace one with more."""


def add(path: Path, points: Iterable[Point]) -> None:
    """Add points to a file, which is made if it is not there: all or none. Raises RecordError."""
    new = not places.is_there(path)
    try:
        with _opened(path, make=True) as database:
            _all(database)  # raises for a damaged one: nothing is added to it
            database.executemany(PUT, points)
    except BaseException:
        if new and places.is_there(path) and not path.stat().st_size:  # a disk that was full at once
            path.unlink()
        raise


def read(path: Path) -> list[Point]:
    """All points of a file by time. Raises RecordError."""
    with _opened(path, make=False) as database:
        return _all(database)


def _all(database: sqlite3.Connection) -> list[Point]:
    rows = database.execute(f"SELECT {', '.join(Point._fields)} FROM points ORDER BY started, session")  # noqa: S608
    return list(map(_point, rows))


def _point(row: tuple[object, ...]) -> Point:
    """The point of a row, which a file of ours holds as it was written. Raises sqlite3.DataError."""
    try:
        point = msgspec.convert(row, Point)
        msgspec.json.decode(point.code, type=dict[str, str])
    except msgspec.MsgspecError as error:
        raise sqlite3.DataError(str(error)) from error
    if not all(math.isfinite(one) for one in (point.value, point.low, point.high) if one is not None):
        raise sqlite3.DataError("a figure is not finite")
    return point


@contextlib.contextmanager
def _opened(path: Path, *, make: bool) -> Iterator[sqlite3.Connection]:
    """The file, known to be a history, within one transaction. Raises RecordError."""
    if not make and not places.is_there(path):
        raise RecordError(f"{path}: is not there; make it with --add REPORT, or give a folder of reports")
    if places.is_there(path) and not path.is_file():
        raise RecordError(f"{path}: is no file; give a history, or a folder of reports")
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=LOCK_SECONDS, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE" if make else "BEGIN")
            _check(database, path, make=make)
            yield database
            database.execute("COMMIT")
    except sqlite3.Error as error:
        raise RecordError(f"{path}: {_said(error)}") from error


def _check(database: sqlite3.Connection, path: Path, *, make: bool) -> None:
    """Raise RecordError unless the file is a history of this version; an empty one becomes one if it may."""
    application, version = (_number(database, name) for name in ("application_id", "user_version"))
    tables = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if make and (application, version, tables) == (0, 0, 0):
        database.execute(TABLE)
        database.execute(f"PRAGMA application_id = {APPLICATION}")
        database.execute(f"PRAGMA user_version = {VERSION}")
        return
    if application != APPLICATION:
        raise RecordError(f"{path}: is no history of dlbench; give another file, or a folder of reports")
    if version != VERSION:
        said = f"history of version {version}, this dlbench reads {VERSION}"
        raise RecordError(f"{path}: {said}; use the dlbench that wrote it, or add the reports to a new file")
    found = database.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise sqlite3.DatabaseError(str(found))


def _number(database: sqlite3.Connection, name: str) -> int:
    return int(database.execute(f"PRAGMA {name}").fetchone()[0])


def _said(error: sqlite3.Error) -> str:
    text = " ".join(str(error).split())[:200]
    if "locked" in text:
        return "is being written by another program; try again when it is done"
    if "not a database" in text:
        return "is no SQLite file; give a history, or a folder of reports"
    if "unable to open" in text or "readonly" in text:
        return f"cannot be opened ({text}); see its permissions, or give another file"
    if "full" in text:
        return f"cannot be written ({text}); free some space"
    return f"is damaged ({text}); add the reports to a new file"
