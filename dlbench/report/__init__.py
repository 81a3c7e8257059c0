"""FORMATS: from Runs to files that people and programs read. A new format is one pure function and one row here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from dlbench.record import encoding
from dlbench.report import markdown, pull_request
from dlbench.report.model import Report
from dlbench.report.section import Arm, Section
from dlbench.report.summary import summarize

__all__ = ["FORMATS", "Arm", "Format", "Report", "Section", "summarize"]


class Format(NamedTuple):
    """Format of a report: a file of this name with this content."""

    file_name: str
    render: Callable[[Report], str]


DIGITS = 9
"""Digits of figures in a rendered report: the last of sixteen come from the processor that renders."""
FORMATS: dict[str, Format] = {
    "markdown": Format("report.md", markdown.render),
    "json": Format("report.json", partial(encoding.page, digits=DIGITS)),
    "comment": Format("comment.md", pull_request.render),
}
