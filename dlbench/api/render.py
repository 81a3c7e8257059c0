"""Files in a report's folder besides Runs: rendered pages, the answer of a gate, a comparison; and reading them."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from dlbench.analysis import gate
from dlbench.analysis.judge import Judgement
from dlbench.errors import DlbenchError, RecordError, UnknownName, redaction
from dlbench.record import encoding
from dlbench.record.digests import GATE_FILE
from dlbench.record.fidelity import FIDELITY_FILE
from dlbench.record.reading import from_json, read_fidelities, read_parities, read_runs
from dlbench.record.schema import PARITY_FILE, RUNS_FILE, SCHEMA, Run
from dlbench.report import FORMATS, Report, comparison, exports, markdown, summarize
from dlbench.report.exports import EXPORTS, Export


def read(source: Path) -> tuple[list[Run], Report]:
    """The Runs of a runs.jsonl or its folder, and the report with its parity checks and gate. Raises RecordError."""
    path = source / RUNS_FILE if source.is_dir() else source
    runs = read_runs(path)
    errors = read_fidelities(path.with_name(FIDELITY_FILE))
    return runs, summarize(runs, read_parities(path.with_name(PARITY_FILE)), kept(path.parent), errors)


def known_formats(formats: Sequence[str]) -> Sequence[str]:
    """The formats and exports of these names. Raises UnknownName, and PluginLoadError for a broken export."""
    for name in formats:
        _row(name)
    return formats


def text(runs: Sequence[Run], report: Report, name: str) -> str:
    """The report in a format. Raises UnknownName, and PluginLoadError for a broken export."""
    return _row(name).render(runs, report)


def file_name(name: str) -> str:
    """The file of a format. Raises as `text` does."""
    return _row(name).file_name


def write(runs: Sequence[Run], report: Report, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Write a report in these formats and return the files. Raises RecordError, and as `text` does."""
    rows = list(map(_row, formats))
    _put(folder, {row.file_name: row.render(runs, report) for row in rows})
    return [folder / row.file_name for row in rows]


def _row(name: str) -> Export:
    """A format of reports, an export, or an export of another package."""
    if (own := FORMATS.get(name)) is not None:
        return Export(own.file_name, lambda _, report: own.render(report))
    if (found := exports.find(name, FORMATS)) is not None:
        return found
    known = sorted({*FORMATS, *EXPORTS, *(entry.name for entry in exports.entries(FORMATS))})
    near = difflib.get_close_matches(name, known)
    raise UnknownName("format", name, known, f"all are {', '.join(known)}" if near else "")


def write_comparison(judged: Judgement, folder: Path) -> None:
    """Write comparison.md and comparison.json. Raises RecordError."""
    judged = redaction.record(judged)
    page = markdown.text(list(comparison.page(judged)))
    _put(folder, {"comparison.md": page, "comparison.json": encoding.page(_comparison_file(judged))})


def _comparison_file(judged: Judgement) -> dict[str, object]:
    names = {"baseline": judged.baseline, "candidate": judged.candidate}
    found: dict[str, object] = {"rows": judged.comparisons, "counts": judged.counts, "warnings": judged.warnings}
    found |= {"outcomes": judged.outcomes, "controls": judged.controls}
    return {**names, **found, "kind": "dlbench comparison", "schema": SCHEMA}


def keep(judged: gate.Gate | None, folder: Path) -> None:
    """Put the answer of a gate beside the Runs, so that rendering them again shows it; None removes an earlier one."""
    if judged is None:
        (folder / GATE_FILE).unlink(missing_ok=True)
    else:
        _put(folder, {GATE_FILE: encoding.page(judged)})


def kept(folder: Path) -> gate.Gate | None:
    """The answer of the gate of this folder's session; None if there was none. Raises RecordError."""
    path = folder / GATE_FILE
    try:
        return from_json(path.read_bytes(), gate.Gate) if path.exists() else None
    except (OSError, UnicodeDecodeError, RecursionError, msgspec.MsgspecError, DlbenchError) as error:
        raise RecordError(f"{path}: not the answer of a gate ({error}); remove it to read the Runs alone") from error


def _put(folder: Path, files: Mapping[str, str]) -> None:
    for name, content in files.items():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        except OSError as error:
            raise RecordError(f"{folder / name} cannot be written ({error.strerror}); give another --out") from error
