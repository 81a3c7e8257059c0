"""`dlbench compare`: the comparison on standard output, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from dlbench.analysis.judge import Judgement
from dlbench.api import comparison_file
from dlbench.api.compare import compare
from dlbench.api.request import gate_request
from dlbench.cli import progress
from dlbench.errors import DlbenchError, redaction
from dlbench.record import encoding
from dlbench.report import comparison, terminal

Shown = Literal["page", "explained", "json", "nothing"]


def show(
    baseline: Path, candidate: Path, options: Mapping[str, Any], out: Path | None, *, shown: Shown = "page"
) -> int:
    """Compare two saved reports, print the comparison, and return the exit code. Raises DlbenchError."""
    question = gate_request(options)
    with progress.on_standard_error(quiet=shown == "nothing" or not question.confirm) as listener:
        answer = compare(baseline, candidate, question, listener, out)
    return said(answer, shown)


def said(answer: Judgement, shown: Shown = "page") -> int:
    """Print a comparison and return its exit code. Raises DlbenchError if its gate was refused."""
    if shown == "json":
        found = redaction.record(answer)
        more = {"refused": found.refused, "exit_code": found.exit_code}
        print(encoding.page({**comparison_file.content(found), **more}), end="")  # noqa: T201 (the answer to the command)
    elif shown != "nothing":
        explained = comparison.explanation(answer.comparisons, answer.controls) if shown == "explained" else ()
        terminal.console().print(terminal.blocks([*comparison.page(answer), *explained]))
    if answer.refused:
        raise DlbenchError(f"not gated: {answer.refused}")
    return answer.exit_code
