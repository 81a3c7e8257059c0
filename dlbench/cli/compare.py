"""`dlbench compare`: the comparison on standard output, and the exit code."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dlbench.analysis.judge import Judgement
from dlbench.api.compare import compare
from dlbench.api.request import gate_request
from dlbench.cli import progress
from dlbench.errors import DlbenchError
from dlbench.report import comparison, terminal


def show(
    baseline: Path, candidate: Path, options: Mapping[str, Any], out: Path | None, *, explain: bool, quiet: bool
) -> int:
    """Compare two saved reports, print the comparison, and return the exit code. Raises DlbenchError."""
    question = gate_request(options)
    with progress.on_standard_error(quiet=quiet or not question.confirm) as listener:
        answer = compare(baseline, candidate, question, listener, out)
    return said(answer, explain=explain, quiet=quiet)


def said(answer: Judgement, *, explain: bool = False, quiet: bool) -> int:
    """Print a comparison and return its exit code. Raises DlbenchError if its gate was refused."""
    if not quiet:
        explained = comparison.explanation(answer) if explain else ()
        terminal.console().print(terminal.blocks([*comparison.page(answer), *explained]))
    if answer.refused:
        raise DlbenchError(f"not gated: {answer.refused}")
    return answer.exit_code
