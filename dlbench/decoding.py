"""What lies in a report's folder, read back strictly: each fault in one line that names the file and what to do."""

from __future__ import annotations

from pathlib import Path

import msgspec

from dlbench.errors import DlbenchError, RecordError
from dlbench.record import PLAN_FILE, READABLE, Parity, Plan, Run

_decoder = msgspec.json.Decoder(Run)
_plan_decoder = msgspec.json.Decoder(Plan)
_parity_decoder = msgspec.json.Decoder(Parity)


class _Version(msgspec.Struct):
    schema: int


def decode(line: bytes, where: str) -> Run:
    """Turn one line into a Run. Raises RecordError that begins with `where` and says what to do."""
    try:
        schema = msgspec.json.decode(line, type=_Version).schema
        if schema not in READABLE:
            known = f"{READABLE[0]} to {READABLE[-1]}"
            raise RecordError(f"{where}: schema {schema}, this dlbench reads {known}; use the dlbench that wrote it")
        return _decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DlbenchError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{where}: not a Run ({error}); remove the line to read the rest") from error


def read_runs(path: Path) -> list[Run]:
    """Read every Run of a file, in order. Raises RecordError naming file and line."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordError(f"{path}: cannot be read ({error.strerror}); give a runs.jsonl or its folder") from error
    if not content:
        raise RecordError(f"{path}: holds no Run; the session that wrote it was stopped before its first")
    whole, torn = split(content)
    if torn:
        said = "truncated (no newline at its end); --resume measures that Run again, or remove the last line"
        raise RecordError(f"{path}:{len(whole) + 1}: {said} to read the rest")
    return [decode(line, f"{path}:{number}") for number, line in enumerate(whole, start=1)]


def split(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines, and what follows the last newline: a line that was being written when its writer ended."""
    *whole, torn = content.split(b"\n")
    return whole, torn


def read_plan(path: Path) -> Plan:
    """Read the plan of a session. Raises RecordError."""
    try:
        return _plan_decoder.decode(path.read_bytes())
    except OSError as error:
        said = f"cannot be read ({error.strerror}); only a folder with a {PLAN_FILE} can be resumed"
        raise RecordError(f"{path}: {said}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DlbenchError) as error:
        raise RecordError(f"{path}: not a plan ({error}); measure anew with another --out") from error


def read_parities(path: Path) -> list[Parity]:
    """Read the parity checks that lie beside a file of Runs; none where there is no such file. Raises RecordError."""
    if not path.exists():
        return []
    try:
        return [_parity_decoder.decode(line) for line in path.read_bytes().splitlines()]
    except (OSError, UnicodeDecodeError, msgspec.MsgspecError, DlbenchError) as error:
        raise RecordError(f"{path}: not a list of parity checks ({error}); remove it to read the Runs alone") from error
