"""Files in a report's folder besides Runs: rendered pages and the answer of a gate; and reading them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dlbench.analysis import gate
from dlbench.api import formats as known
from dlbench.errors import DlbenchError, RecordError
from dlbench.record import encoding, files, places
from dlbench.record.digests import GATE_FILE
from dlbench.record.fidelity import FIDELITY_FILE
from dlbench.record.reading import from_json, read_fidelities, read_parities, read_runs
from dlbench.record.schema import PARITY_FILE, Run
from dlbench.report import Report, summarize


def read(source: Path) -> tuple[list[Run], Report]:
    """The Runs of a runs.jsonl or its folder, and the report with its parity checks and gate. Raises RecordError."""
    path = places.runs_file(source)
    runs = read_runs(path)
    errors = read_fidelities(path.with_name(FIDELITY_FILE))
    return runs, summarize(runs, read_parities(path.with_name(PARITY_FILE)), kept(path.parent), errors)


def text(runs: Sequence[Run], report: Report, name: str) -> str:
    """The report in a format. Raises as `formats.known` does."""
    return known.find(name).render(runs, report)


def write(runs: Sequence[Run], report: Report, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a report in these formats and return the files. Raises RecordError, and as `formats.known` does."""
    rows = list(map(known.find, formats))
    put(folder, {row.file_name: row.render(runs, report) for row in rows})
    return [folder / row.file_name for row in rows]


def keep(judged: gate.Gate | None, folder: Path) -> None:
    """Put the answer of a gate beside the Runs, so that rendering them again shows it; None removes an earlier one."""
    if judged is None:
        (folder / GATE_FILE).unlink(missing_ok=True)
    else:
        put(folder, {GATE_FILE: encoding.page(judged)})


def kept(folder: Path) -> gate.Gate | None:
    """The answer of the gate of this folder's session; None if there was none. Raises RecordError."""
    path = folder / GATE_FILE
    try:
        return from_json(files.read(path), gate.Gate) if places.is_there(path) else None
    except (OSError, UnicodeDecodeError, RecursionError, msgspec.MsgspecError, DlbenchError) as error:
        raise RecordError(f"{path}: no gate result ({error}); remove it to read the Runs alone") from error


def put(folder: Path, content: Mapping[str, str]) -> None:
    """Write these files by their names, whole, and none of them if the disk is full. Raises RecordError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        files.replace_all({folder / name: text.encode() for name, text in content.items()})
    except OSError as error:
        at = error.filename or folder
        raise RecordError(f"{at} cannot be written ({error.strerror}); give another --out") from error
