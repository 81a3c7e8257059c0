"""A comparison as files: comparison.md and comment.md for people; comparison.json, which `--json` prints too."""

from __future__ import annotations

from pathlib import Path

from dlbench.analysis.judge import Judgement
from dlbench.api import render
from dlbench.errors import redaction
from dlbench.record import encoding
from dlbench.record.schema import SCHEMA
from dlbench.report import FORMATS, comparison, markdown, pull_request


def write(judged: Judgement, folder: Path) -> None:
    """Write comparison.md, comment.md for a pull request, and comparison.json. Raises RecordError."""
    judged = redaction.record(judged)
    page = markdown.text(list(comparison.page(judged)))
    files = {"comparison.md": page, "comparison.json": encoding.page(content(judged))}
    render.put(folder, files | {FORMATS["comment"].file_name: pull_request.of_judgement(judged)})


def content(judged: Judgement) -> dict[str, object]:
    """The comparison for machines; `refused` gives the reason against a gate, empty without one."""
    names = {"baseline": judged.baseline, "candidate": judged.candidate}
    found: dict[str, object] = {"rows": judged.comparisons, "counts": judged.counts, "warnings": judged.warnings}
    found |= {"outcomes": judged.outcomes, "controls": judged.controls}
    return {**names, **found, "kind": "dlbench comparison", "schema": SCHEMA}
