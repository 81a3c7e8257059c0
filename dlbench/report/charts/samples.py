"""Step times of single samples: each process with its warm-up, and the course of a session."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence

from dlbench.record.schema import Run, Sample, Together
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.charts.arms import Drawn, DrawnArms
from dlbench.report.units import format_value

STRIPS = 0.84
"""Share of an arm's width that its processes take."""


def charts(drawn: DrawnArms) -> Iterator[Chart]:
    """The samples of each process in order, and steady samples in the order of the session."""
    if any(run.samples for one in drawn.arms for run in one.runs if run.spec.timed):
        yield _by_process(drawn)
        yield _over_time(drawn)


def _by_process(drawn: DrawnArms) -> Chart:
    return Chart(
        kind="strips",
        title="Samples of each process",
        said=f"Seconds a step of each sample, a strip for each process, warm-up first. {_words(drawn.arms)}",
        x=Axis("", names=[one.name for one in drawn.arms]),
        y=Axis("Step time", "s", logarithmic=True),
        series=[series for at, one in enumerate(drawn.arms) for series in _strips(at, one)],
        note=f"Grey: warm-up. {drawn.note}".strip(),
    )


def _strips(at: int, one: Drawn) -> Iterator[Series]:
    """Warm-up of all processes of an arm, and their steady samples."""
    width = STRIPS / max(len(one.runs), 1)
    found: dict[str, list[Point]] = {"warm-up": [], "steady": []}
    for number, run in enumerate(one.runs):
        shown = [sample for sample in run.samples if sample.stage in found]
        start = at - STRIPS / 2 + number * width
        for place, sample in enumerate(shown):
            x = start + width * (0.1 + 0.8 * place / len(shown))
            found[sample.stage].append(Point(x, _seconds(sample)))
    yield Series(one.name, found["warm-up"], one.shade, faint=True)
    yield Series(one.name, found["steady"], one.shade)


def _over_time(drawn: DrawnArms) -> Chart:
    """Arms that drift together show the machine; one that drifts alone shows the program."""
    longest: dict[Together, int] = {}
    for run in (run for one in drawn.arms for run in one.runs):
        longest[run.together] = max(longest.get(run.together, 0), len(_steady(run)))
    starts, total = {}, 0
    for together, length in longest.items():
        starts[together] = total
        total += length
    return Chart(
        kind="lines",
        title="Step time over the session",
        said=f"Steady samples in the order of the session: {len(starts)} groups of processes. {_words(drawn.arms)}",
        x=Axis("Rounds, one group of processes after another"),
        y=Axis("Step time", "s", logarithmic=True),
        series=[_course(one, run, starts[run.together]) for one in drawn.arms for run in one.runs],
        down=list(starts.values())[1:],
        note=drawn.note,
    )


def _course(one: Drawn, run: Run, start: int) -> Series:
    points = [
        Point(start + (at if sample.round is None else sample.round), _seconds(sample))
        for at, sample in enumerate(_steady(run))
    ]
    return Series(one.name, points, one.shade)


def _steady(run: Run) -> list[Sample]:
    return [sample for sample in run.samples if sample.stage == "steady"]


def _seconds(sample: Sample) -> float:
    return sample.seconds / sample.steps


def _words(arms: Sequence[Drawn]) -> str:
    return "; ".join(f"{one.arm.label}: {_range(one.runs)}" for one in arms) + "."


def _range(runs: Sequence[Run]) -> str:
    found = [_seconds(sample) for run in runs for sample in _steady(run)]
    if not found:
        return "no steady sample"
    ends = [format_value(of(found), "s") for of in (statistics.median, min, max)]
    return f"{len(runs)} processes, median {ends[0]}, from {ends[1]} to {ends[2]}"
