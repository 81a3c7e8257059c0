"""Warnings about one arm: failed processes, growing memory, flags, wide intervals, contradictions within a Run."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis import pairs
from dlbench.analysis.contradictions import Contradiction, contradictions
from dlbench.analysis.evidence import BUSY
from dlbench.analysis.labels import Labels
from dlbench.analysis.leaks import growth
from dlbench.record import proof
from dlbench.record.flags import FLAGS, FlagName
from dlbench.record.schema import Run
from dlbench.report.units import format_value
from dlbench.spec import Workload, workers


def arm_warnings(runs: Sequence[Run]) -> Iterator[str]:
    """All that applies to the Runs of one arm."""
    ended_well = [run for run in runs if run.ok]
    planned = pairs.planned(runs)
    if 0 < len(ended_well) < planned:
        yield f"partial: {len(ended_well)} of {planned} processes"
    grew = [grown for run in ended_well if (grown := growth(run)) is not None]
    if grew:
        yield (
            f"memory grew by {format_value(statistics.median(grew), 'bytes')} a step in {len(grew)} of "
            f"{len(ended_well)} processes and was not given back: a leak, or a cache without bound; "
            "`dlbench check` looks closer"
        )
    flagged = Counter(flag for run in ended_well for flag in dict.fromkeys(run.flags))
    for flag, text in FLAGS.items():
        if flagged[flag]:
            yield f"{flagged[flag]} of {len(ended_well)} processes {text}{_why(flag, ended_well)}"


def _why(flag: FlagName, runs: Sequence[Run]) -> str:
    """Reasons for breaks, and the parts that were left to Python, as the plugin gave them."""
    found = [(run.spec, run.compilation) for run in runs if run.has(flag) and run.compilation is not None]
    match flag:
        case "graph_breaks":
            said = [reason for _, one in found for reason in one.reasons]
        case "left_to_python":
            said = [", ".join(proof.left(spec, one)) if one.parts else "not said which" for spec, one in found]
        case _:
            said = []
    return f": {'; '.join(dict.fromkeys(said))}" if said else ""


def oversubscribed(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """Workers with more threads than there are cores for."""
    for load, runs in by_workload.items():
        known = [run.environment.limits for run in runs if run.environment is not None]
        cores = min((limits.cores for limits in known if limits is not None), default=0)
        count = workers.count(load)
        if count > 1 and load.device == "cpu" and 0 < cores < count * load.threads:
            fewer = cores // count
            advice = f"give --threads {fewer}" if fewer else "give fewer workers"
            yield (
                f"{names.title(load)}: oversubscribed: {count} workers of {load.threads} "
                f"thread{'' if load.threads == 1 else 's'} share {cores} cores and wait for one another; {advice}"
            )


def contradicting(by_workload: Mapping[Workload, Sequence[Run]], names: Labels) -> Iterator[str]:
    """One line for each arm and kind of contradiction; the process with the largest stands for all."""
    for load, of_load in by_workload.items():
        for label, of_arm in pairs.arms(of_load).items():
            ended_well = [run for run in of_arm if run.ok]
            found: dict[tuple[str, str], list[tuple[Contradiction, Run]]] = {}
            for run in ended_well:
                for one in contradictions(run):
                    found.setdefault((one.larger.name, one.smaller.name), []).append((one, run))
            for alike in found.values():
                number = f"{len(alike)} of {len(ended_well)} processes"
                yield f"{names.arm(load, label)}: figures contradict each other in {number}: {_sentence(alike)}"


def _sentence(alike: Sequence[tuple[Contradiction, Run]]) -> str:
    worst, run = max(alike, key=lambda one: one[0].larger.seconds / one[0].smaller.seconds)
    larger, smaller = (f"{figure.name} {format_value(figure.seconds, 's')}" for figure in worst)
    return f"{larger} beside {smaller}, more than both scatter by; {_cause(run)}; ratios of these are not believed"


def _cause(run: Run) -> str:
    """The likely cause, by the machine's counters, and a remedy."""
    threads, pressure = run.spec.process_threads, (run.load.cpu_pressure or 0.0) if run.load is not None else 0.0
    held_to = len(run.actual.held_to) if run.actual is not None else 0
    if pressure > BUSY or (0 < held_to < threads):
        waiting = "threads wait for a sibling that has no core" if threads > 1 else "the process waits for a core"
        seen = f"tasks waited for a core {pressure:.0%} of the time" if pressure > BUSY else f"{held_to} processors"
        fewer = ", give fewer --threads" if threads > 1 else ""
        return f"likely {waiting} ({seen}): end other programs{fewer}, and measure in more processes"
    return (
        "the machine or the program changed its speed between them: look at the samples, end other programs, and "
        "measure in more processes"
    )
