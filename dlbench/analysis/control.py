"""A/A controls: an arm and its control, the same program twice, in lockstep with all others.

A session that tells equal programs apart would do the same to any two, so its other verdicts are not believed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from dlbench.analysis import compare, evidence
from dlbench.analysis.compare import Comparison
from dlbench.analysis.labels import Labels
from dlbench.analysis.metrics import METRICS
from dlbench.analysis.pairs import Pair
from dlbench.record.schema import Record, Run
from dlbench.spec import Spec


class ControlPair(Record, frozen=True):
    """Comparison of a control with its arm, the same program; `ratio` is 1 but for noise."""

    spec: Spec
    comparison: Comparison

    @property
    def flagged(self) -> bool:
        """True if equal programs were told apart."""
        return self.comparison.verdict in ("slower", "faster")


def without_controls(runs: Iterable[Run]) -> list[Run]:
    """The Runs that are results."""
    return [run for run in runs if not run.control]


def compare_controls(runs: Sequence[Run], metrics: Iterable[str] = ("step_time",)) -> list[ControlPair]:
    """Every control that took turns with its arm, by metric; each metric is a family for Holm's correction."""
    pairs = [pair for pair in _pairs(runs) if pair.in_lockstep]
    table = evidence.collect(pairs, metrics)
    return [
        ControlPair(spec=pair.baseline, comparison=one)
        for metric in table.by_metric
        for pair, one in zip(pairs, compare.comparisons(table, metric), strict=True)
        if one.ratio is not None
    ]


def control_failure(found: Iterable[ControlPair], names: Labels) -> str:
    """Reason to give no verdicts; empty if every A/A control passed."""
    said = [
        f"{names.spec(one.spec)}: {METRICS[one.comparison.metric].title} {one.comparison.ratio.value:.3g}"
        for one in found
        if one.flagged and one.comparison.ratio is not None
    ]
    if not said:
        return ""
    return f"the A/A control told equal programs apart ({'; '.join(said)}); measure again on a quieter machine"


def _pairs(runs: Sequence[Run]) -> Iterator[Pair]:
    well = [run for run in runs if run.ok]
    for spec in dict.fromkeys(run.spec for run in well if run.control):
        before, after = ([run for run in well if run.member == (spec, control)] for control in (False, True))
        yield Pair(spec, spec, before, after)
