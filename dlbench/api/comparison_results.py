"""Results of a comparison of two reports, as values: rows by metric, flat records, and pages for notebooks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlbench.analysis.compare import Comparison
from dlbench.analysis.gate import Outcome
from dlbench.analysis.judge import Judgement, Row
from dlbench.report import comparison, markdown, notebook


@dataclass(frozen=True)
class ComparisonResults:
    """Two reports compared: `rows` of metrics, `outcomes` of the gate; `refused` says why there is no gate."""

    answer: Judgement

    @property
    def rows(self) -> tuple[Row, ...]:
        """A row for each metric of each pair."""
        return self.answer.comparisons

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the gate; none without `fail_on`."""
        return self.answer.outcomes

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to read before believing a figure."""
        return self.answer.warnings

    @property
    def refused(self) -> str:
        """The reason why the reports cannot be gated; empty if they can, or no gate was asked for."""
        return self.answer.refused

    def to_records(self) -> list[dict[str, Any]]:
        """A flat record for each row: pair, metric, ratio with its interval, verdict, both sides."""
        return [_flat(row.comparison, pair=row.pair) for row in self.rows]

    def _repr_markdown_(self) -> str:
        return markdown.text(list(comparison.page(self.answer)))

    def _repr_html_(self) -> str:
        return notebook.text(list(comparison.page(self.answer)))


def _flat(found: Comparison, **more: str) -> dict[str, Any]:
    sides = {"ratio": found.ratio, "before": found.before, "after": found.after}
    ends = {
        f"{name}{end}": getattr(side, field) if side is not None else None
        for name, side in sides.items()
        for end, field in {"": "value", "_low": "low", "_high": "high", "_n": "n"}.items()
    }
    told = ("metric", "baseline", "candidate", "verdict", "code", "reason", "smallest_change", "more_groups")
    return {**more, **{name: getattr(found, name) for name in told}, **ends}
