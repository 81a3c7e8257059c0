"""FORMATS: from Runs to files that people and programs read. A new format is one pure function and one row here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from dlbench.record import encoding
from dlbench.record.schema import Run
from dlbench.report import html, markdown, pull_request
from dlbench.report.model import Report
from dlbench.report.section import Arm, Section
from dlbench.report.summary import summarize

__all__ = ["FORMATS", "Arm", "Format", "Report", "Section", "summarize"]


class Format(NamedTuple):
    """Format of a report: a file of this name with this content, drawn from its Runs too if it shows single samples."""

    file_name: str
    render: Callable[[Report], str]
    with_runs: Callable[[Report, Sequence[Run]], str] | None = None

    def text(self, runs: Sequence[Run], report: Report) -> str:
        """Content for these Runs."""
        return self.render(report) if self.with_runs is None else self.with_runs(report, runs)


DIGITS = 9
"""Digits of figures in a rendered report: the last of sixteen come from the processor that renders."""
FORMATS: dict[str, Format] = {
    "markdown": Format("report.md", markdown.render),
    "json": Format("report.json", partial(encoding.page, digits=DIGITS)),
    "html": Format("report.html", html.render, html.render),
    "comment": Format("comment.md", pull_request.render),
}
