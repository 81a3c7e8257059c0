"""The page as one HTML file: no network, no library, all text escaped, and complete without its script."""

from __future__ import annotations

from collections.abc import Sequence

from dlbench.record.schema import Run
from dlbench.report.charts import draw
from dlbench.report.html import shell
from dlbench.report.html.parts import page_of
from dlbench.report.model import Report
from dlbench.report.page import page


def render(report: Report, runs: Sequence[Run] = ()) -> str:
    """The whole report; without Runs it has the charts that need no single samples."""
    return shell.document(report.title, page_of(list(page(report, draw(report, runs)))))
