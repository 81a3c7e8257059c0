"""Screening: Runs as figures are read from them, and the A/A controls that decide if they are credible."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dlbench.analysis import control, labels, pooling, steady_state
from dlbench.analysis.control import ControlPair
from dlbench.record.schema import Run


@dataclass(frozen=True)
class Screened:
    """Runs that are marked, with their A/A controls; `controls` compares each control with its arm."""

    all_runs: Sequence[Run]
    controls: Sequence[ControlPair]

    @property
    def runs(self) -> list[Run]:
        """The Runs that are results."""
        return control.without_controls(self.all_runs)


def screen(runs: Iterable[Run], metrics: Iterable[str]) -> Screened:
    """Mark the Runs, and compare their A/A controls in these metrics."""
    marked = mark(runs)
    return Screened(marked, control.compare_controls(marked, metrics))


def mark(runs: Iterable[Run]) -> list[Run]:
    """Tell apart Runs that were not made alike, and flag programs without a steady state."""
    return steady_state.flag_unsteady(pooling.parted(runs))


def failure(*sides: Screened) -> str:
    """Reason to give no verdicts: an A/A control was told apart. Empty if none was."""
    names = labels.of_specs(run.spec for side in sides for run in side.all_runs)
    return control.control_failure([one for side in sides for one in side.controls], names)
