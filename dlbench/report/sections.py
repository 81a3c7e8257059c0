"""The section of each workload: its arms with their metrics, learning curves, compilations and failures."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from dlbench.analysis import control, cost, metrics, pairs, stopping
from dlbench.analysis.compare import Comparison
from dlbench.analysis.cost import Cost
from dlbench.analysis.metrics import METRICS
from dlbench.plugin import Compilation
from dlbench.record.flags import STATUSES
from dlbench.record.schema import Run
from dlbench.report.break_even import against_next_best, paybacks
from dlbench.report.section import Arm, CurvePoint, Failure, Section, Spread
from dlbench.spec import Workload

CENSORED = ("steps_to_target", "seconds_to_target")


Compared = Mapping[Workload, Sequence[Comparison]]


def sections_of(all_runs: Sequence[Run], comparisons: Compared, compiled: Compared) -> Iterator[Section]:
    """A section for each workload: its arms, with their figures, and its comparisons; only its cost has controls."""
    with_controls = pairs.by_workload(all_runs)
    for load, runs in pairs.by_workload(control.without_controls(all_runs)).items():
        compared = comparisons.get(load, ())
        found = _section(load, runs, compared, cost.of(with_controls[load]) if compared else None)
        yield msgspec.structs.replace(found, compiled=tuple(compiled.get(load, ())))


def _section(load: Workload, runs: Sequence[Run], comparisons: Sequence[Comparison], took: Cost | None) -> Section:
    of_arm = pairs.arms(runs)
    return Section(
        workload=load,
        seeds=tuple(dict.fromkeys(run.spec.seed for run in runs)),
        task=next((run.task for run in runs if run.task is not None), None),
        arms=tuple(_arm(label, runs_of) for label, runs_of in of_arm.items()),
        comparisons=tuple(comparisons),
        paybacks=tuple(paybacks(of_arm)),
        next_best=tuple(against_next_best(of_arm)),
        stopped=stopping.sentence(runs),
        cost=took,
    )


def _arm(label: str, runs: Sequence[Run]) -> Arm:
    ended_well = [run for run in runs if run.ok]
    phase = runs[0].spec.phase
    estimates = {
        name: metrics.over(metric, runs)
        for name, metric in METRICS.items()
        if phase in metric.phases and name not in CENSORED
    }
    trained = [run for run in runs if STATUSES[run.status].trained]
    spreads = {name: _spread(name, trained) for name in CENSORED if trained and phase in METRICS[name].phases}
    return Arm(
        label=label,
        ok=len(ended_well),
        planned=pairs.planned(runs),
        metrics={name: found for name, found in estimates.items() if found is not None},
        to_target=spreads,
        curve=tuple(_curve(ended_well)),
        compilation=tuple(
            dict.fromkeys(_counted(run.compilation) for run in ended_well if run.compilation is not None)
        ),
        failures=tuple(_failures(runs)),
    )


def _counted(found: Compilation) -> Compilation:
    """Compilation that processes have in common: calls are rounded to calls per step."""
    calls = found.calls_per_step
    if found.calls is None and calls is None:
        return found
    return msgspec.structs.replace(found, calls=None, calls_per_step=None if calls is None else round(calls, 1))


def _spread(name: str, runs: Sequence[Run]) -> Spread:
    """Spread over seeds; a seed that never reached the target lies beyond all that did."""
    values = [METRICS[name].of(run) for run in runs]
    reached = sorted(value for value in values if value is not None)
    ordered = [*reached, *[None] * (len(values) - len(reached))]
    lower, upper = ordered[(len(ordered) - 1) // 2], ordered[len(ordered) // 2]
    return Spread(
        reached=len(reached),
        of=len(values),
        low=ordered[0],
        median=None if lower is None or upper is None else (lower + upper) / 2,
        high=ordered[-1],
    )


def _curve(runs: Iterable[Run]) -> Iterable[CurvePoint]:
    at: dict[int, list[float]] = {}
    for run in runs:
        for evaluation in run.evaluations:
            at.setdefault(evaluation.steps, []).append(evaluation.quality)
    for steps, found in sorted(at.items()):
        median, low, high = statistics.median(found), min(found), max(found)
        yield CurvePoint(steps=steps, quality=median, low=low, high=high, seeds=len(found))


def _failures(runs: Iterable[Run]) -> Iterable[Failure]:
    failed = [run for run in runs if not run.ok]
    for (status, reason), number in Counter((run.status, run.reason) for run in failed).items():
        tails = [run.output_tail for run in failed if (run.status, run.reason) == (status, reason)]
        yield Failure(status=status, reason=reason, output_tail=tails[-1], runs=number)
