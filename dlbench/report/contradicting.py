"""Lines on figures of one Run that contradict each other: which, the likely cause, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from dlbench.analysis import pairs
from dlbench.analysis.contradictions import Contradiction, contradictions
from dlbench.analysis.evidence import BUSY
from dlbench.analysis.labels import Labels
from dlbench.record.schema import Run
from dlbench.report.units import format_value
from dlbench.spec import Workload


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
    """The likely cause, by what is known of the machine, and what to do about it."""
    threads, pressure = run.spec.threads, (run.load.cpu_pressure or 0.0) if run.load is not None else 0.0
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
