"""Comparison of two saved reports, and confirmation of the failures of its gate."""

from __future__ import annotations

import tempfile
from pathlib import Path

from dlbench.analysis.gate import GateRequest
from dlbench.analysis.judge import Judgement, reports
from dlbench.api import comparison_file, confirm, judge, measuring
from dlbench.session.listener import Listener


def compare(baseline: Path, candidate: Path, question: GateRequest, listener: Listener, out: Path | None) -> Judgement:
    """Compare two saved reports and write the comparison to `out` if given. Raises DlbenchError."""
    before, after = judge.read(baseline), judge.read(candidate)
    planned = judge.planned(candidate) if question.conditions else None
    answer = reports((str(baseline), str(candidate)), before, after, question, planned, judge.errors(candidate))
    if question.confirm:
        with tempfile.TemporaryDirectory() as folder:
            again = measuring.measure_in(Path(folder), listener)
            answer = confirm.of_reports(answer, [*before, *after], question, again)
    if out is not None:
        comparison_file.write(answer, out)
    return answer
