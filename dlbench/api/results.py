"""Results of a session as values: figures by name, flat records, and pages for notebooks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from dlbench.analysis import compare, labels, screening
from dlbench.analysis.compare import Comparison
from dlbench.analysis.gate import Outcome
from dlbench.analysis.metrics import METRICS
from dlbench.api.comparison_results import ComparisonResults
from dlbench.errors import SpecError, UnknownName
from dlbench.record.schema import Run
from dlbench.report import Arm, Report, Section, markdown, notebook
from dlbench.spec.axes import as_text


@dataclass(frozen=True)
class Results:
    """A measured or saved session: its Runs, its report, and their folder.

    `compared` is the comparison with a saved report, if `against` named one.
    """

    folder: Path
    runs: Sequence[Run]
    report: Report
    refused: str = ""
    compared: ComparisonResults | None = None

    @property
    def arms(self) -> dict[str, Arm]:
        """The arms by name, such as `train, torch.mlp jit`; `.metrics["step_time"]` is an estimate in SI units."""
        return {name: arm for name, _, arm in self._named()}

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        """The outcomes of the gate between arms; none without `fail_on`."""
        return self.report.gate.outcomes if self.report.gate is not None else ()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Sentences to read before believing a figure."""
        return self.report.warnings

    def ratio(self, a: str, b: str, metric: str = "step_time", phase: str = "") -> Comparison:
        """The metric of arm `a` over the metric of arm `b`, with its 95 % interval and verdict; above 1 for more of it.

        Each arm is named as in `arms`, by its label (`torch.mlp jit`), or by its plugin if that has one arm. Verdicts
        that the report shows are corrected for their number; a verdict on another pair or metric is not. Raises
        UnknownName, and SpecError for a name that means several arms.
        """
        if metric not in METRICS:
            raise UnknownName("metric", metric, METRICS)
        section, (first, second) = self._one_section((a, b), phase)
        for found in section.comparisons:
            if (found.candidate, found.baseline, found.metric) == (first.label, second.label, metric):
                return found
        return self._compared(section, first.label, second.label, metric)

    def to_records(self) -> list[dict[str, Any]]:
        """A flat record for each Run: the fields of its Spec, its outcome, and every metric in SI units."""
        return [
            {
                **msgspec.structs.asdict(run.spec),
                "options": as_text(run.spec.options),
                "model": None if run.spec.model is None else run.spec.model.reference,
                "variant": None if run.spec.variant is msgspec.UNSET else run.spec.variant.text,
                "workers": 1 if run.spec.workers is msgspec.UNSET else run.spec.workers,
                "scaling": "weak" if run.spec.scaling is msgspec.UNSET else run.spec.scaling,
                **{name: getattr(run, name) for name in ("session", "group", "started", "status", "reason")},
                "flags": " ".join(run.flags),
                **{name: metric.of(run) if run.ok else None for name, metric in METRICS.items()},
            }
            for run in self.runs
        ]

    def _repr_markdown_(self) -> str:
        return markdown.render(self.report)

    def _repr_html_(self) -> str:
        return notebook.render(self.report)

    def _named(self) -> Iterator[tuple[str, Section, Arm]]:
        names = labels.Labels(section.workload for section in self.report.sections)
        for section in self.report.sections:
            yield from ((names.arm(section.workload, arm.label), section, arm) for arm in section.arms)

    def _one_section(self, asked: tuple[str, str], phase: str) -> tuple[Section, list[Arm]]:
        """The one workload that has both arms."""
        named = list(self._named())
        known = [name for name, _, _ in named]
        found: list[tuple[Section, list[Arm]]] = []
        for section in self.report.sections:
            own = [(name, arm) for name, of, arm in named if of is section and phase in ("", section.workload.phase)]
            sides = [[arm for name, arm in own if _means(one, name, arm)] for one in asked]
            found += [(section, [side[0] for side in sides])] if all(len(side) == 1 for side in sides) else []
        for one in asked:
            if not any(_means(one, name, arm) for name, _, arm in named):
                raise UnknownName("arm", one, known)
        if len(found) != 1:
            several = "several pairs" if found else "no single pair of one workload"
            raise SpecError(f"{asked[0]!r} and {asked[1]!r} mean {several}; name two of: {'; '.join(known)}")
        return found[0]

    def _compared(self, section: Section, first: str, second: str, metric: str) -> Comparison:
        screened = screening.screen(self.runs, [metric])
        found = compare.compare_arms(screened.runs, section.workload, (second, first), metric, self.report.likeness)
        return compare.without_verdicts([found], screening.failure(screened))[0]


def _means(asked: str, name: str, arm: Arm) -> bool:
    return asked in (name, arm.label, arm.label.partition(" ")[0])
