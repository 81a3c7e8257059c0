"""Reads a report's folder back strictly: each fault is one line that names the file and a remedy."""

from __future__ import annotations

import contextlib
import datetime
import re
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from dlbench.errors import DlbenchError, RecordError
from dlbench.record import files, places
from dlbench.record.encoding import WORDS
from dlbench.record.fidelity import Fidelity
from dlbench.record.parity import Parity
from dlbench.record.schema import PLAN_FILE, READABLE, SCHEMA, Plan, Run
from dlbench.record.upgrade import upgraded

T = TypeVar("T", bound=msgspec.Struct)


class _Version(msgspec.Struct):
    schema: int


def from_json(content: bytes, kind: type[T], *, of_today: bool = True) -> T:
    """A record of this kind, of any schema; `of_today` is tried first.

    Raises msgspec.MsgspecError naming the field and its value.
    """
    if of_today:
        with contextlib.suppress(msgspec.ValidationError):
            found: T = _decoder(kind).decode(content)
            return found
    raw = upgraded(msgspec.json.decode(content))
    with contextlib.suppress(msgspec.ValidationError):
        return msgspec.convert(raw, kind)
    try:
        return msgspec.convert(_revived(raw, inspect.type_info(kind)), kind)
    except msgspec.ValidationError as error:
        raise msgspec.ValidationError(f"{error}{_value(raw, str(error))}") from error


@cache
def _decoder(kind: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(kind)


def _revived(value: Any, kind: inspect.Type) -> Any:
    """The value with numbers for the words that JSON has in place of some.

    Schemas 1 and 2 wrote null for both infinity and NaN: in place of a number that is read as NaN.
    """
    match kind:
        case inspect.FloatType():
            return _number(value, kind)
        case inspect.UnionType(types=types):
            found = [revived for one in types if (revived := _revived(value, one)) != value]
            return found[0] if found and value is not None else value
        case inspect.StructType(fields=fields) if isinstance(value, dict):
            of = {field.encode_name: field.type for field in fields}
            return {name: _revived(part, of[name]) if name in of else part for name, part in value.items()}
        case inspect.DictType(value_type=part_type) if isinstance(value, dict):
            return {name: _revived(part, part_type) for name, part in value.items()}
        case inspect.ListType(item_type=part_type) | inspect.VarTupleType(item_type=part_type) if isinstance(
            value, list
        ):
            return [_revived(part, part_type) for part in value]
    return value


def _number(value: Any, kind: inspect.FloatType) -> Any:
    unbounded = (kind.gt, kind.ge, kind.lt, kind.le) == (None,) * 4
    if value is None and unbounded:
        return WORDS["nan"]
    return WORDS.get(value, value) if isinstance(value, str) else value


def _value(raw: Any, error: str) -> str:
    """The value at the path at the end of an error of msgspec; empty if it names none."""
    try:
        for name, number in re.findall(r"\.(\w+)|\[(\d+)\]", error.rpartition("$")[2]):
            raw = raw[name] if name else raw[int(number)]
    except (LookupError, TypeError):
        return ""
    return f": {str(raw)[:80]}" if isinstance(raw, str | int | float) else ""


def decode(line: bytes, where: str) -> Run:
    """Turn one line into a Run. Raises RecordError that begins with `where` and names a remedy."""
    try:
        schema = msgspec.json.decode(line, type=_Version).schema
        if schema not in READABLE:
            known = f"{READABLE[0]} to {READABLE[-1]}"
            raise RecordError(f"{where}: schema {schema}, this dlbench reads {known}; use the dlbench that wrote it")
        run = from_json(line, Run, of_today=schema == SCHEMA)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DlbenchError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{where}: not a Run ({error}); remove the line to read the rest") from error
    if not _is_time(run.started):
        raise RecordError(f"{where}: not a Run (started {run.started[:40]!r}); remove the line to read the rest")
    return run


def _is_time(text: str) -> bool:
    try:
        datetime.datetime.fromisoformat(text).astimezone(datetime.UTC)
    except (ValueError, OverflowError):
        return False
    return True


def read_runs(source: Path) -> list[Run]:
    """Read every Run of a report, given as its folder or file, in order. Raises RecordError naming file and line."""
    path = places.runs_file(source)
    try:
        content = files.read(path)
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); give a runs.jsonl or its folder") from error
    if not content:
        raise RecordError(f"{path}: holds no Run; the session that wrote it was stopped before its first")
    whole, torn = split(content)
    if torn:
        said = "truncated (no newline at its end); --resume measures that Run again, or remove the last line"
        raise RecordError(f"{path}:{len(whole) + 1}: {said} to read the rest")
    return [decode(line, f"{path}:{number}") for number, line in enumerate(whole, start=1)]


def read_below(source: Path) -> list[list[Run]]:
    """The Runs of each report below a folder, or of this file. Raises RecordError."""
    return list(map(read_runs, places.runs_files(source)))


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines, and the rest after the last newline: a line that was being written when its writer ended."""
    *whole, torn = content.split(b"\n")
    return whole, torn


def read_plan(path: Path) -> Plan:
    """Read the plan of a session. Raises RecordError."""
    try:
        return from_json(files.read(path), Plan)
    except OSError as error:
        said = f"cannot be read ({error.strerror}); only a folder with a {PLAN_FILE} can be resumed"
        raise RecordError(f"{path}: {said}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DlbenchError) as error:
        raise RecordError(f"{path}: not a plan ({error}); measure again with another --out") from error


def read_fidelities(path: Path) -> list[Fidelity]:
    """Read the errors of arms beside a file of Runs; none if there is no such file. Raises RecordError."""
    return _read_lines(path, Fidelity, "errors of arms")


def read_parities(path: Path) -> list[Parity]:
    """Read the parity checks that lie beside a file of Runs; none if there is no such file. Raises RecordError."""
    return _read_lines(path, Parity, "parity checks")


def _read_lines(path: Path, kind: type[T], named: str) -> list[T]:
    if not places.is_there(path):
        return []
    try:
        return [from_json(line, kind) for line in files.read(path).splitlines()]
    except (OSError, UnicodeDecodeError, RecursionError, msgspec.MsgspecError, DlbenchError) as error:
        raise RecordError(f"{path}: not a list of {named} ({error}); remove it to read the Runs alone") from error
