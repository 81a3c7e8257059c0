"""The tables of the phase `converge`: effort to reach the target, and the curve on the way."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence

from dlbench.analysis.metrics import METRICS
from dlbench.record.schema import TaskInfo
from dlbench.report.section import Arm, CurvePoint, Section, Spread
from dlbench.report.units import digits, format_interval, format_value

NOTHING = "–"
BARS = "▁▂▃▄▅▆▇█"
MOST_ROWS = 13

Cells = tuple[list[str], list[list[str]], bool]
"""Head, rows, and True for a table of details."""


def learning(section: Section) -> Iterator[Cells]:
    """Nothing for a section that did not train towards a target."""
    task, arms = section.task, section.arms
    if task is None or not any(arm.to_target for arm in arms):
        return
    sign = "at least" if task.higher_is_better else "at most"
    head = [f"{task.metric}, target {sign} {task.target:g} {task.unit}", *(arm.label for arm in arms)]
    yield head, list(_target_rows(task, arms)), False
    if any(arm.curve for arm in arms):
        yield ["Steps", *head[1:]], list(_curve_rows(arms)), True


def _target_rows(task: TaskInfo, arms: Sequence[Arm]) -> Iterator[list[str]]:
    yield ["Seeds that reached it", *(reached(arm) for arm in arms)]
    for name in ("steps_to_target", "seconds_to_target"):
        metric = METRICS[name]
        yield [f"{metric.title}, median and range", *(_spread(arm.to_target.get(name), metric.unit) for arm in arms)]
    quality = f"{METRICS['quality_at_budget'].title} ({task.budget_steps} steps)"
    yield [quality, *(_at_budget(arm, task.unit) for arm in arms)]
    yield ["Curve", *(sparkline([point.quality for point in arm.curve]) for arm in arms)]


def _at_budget(arm: Arm, unit: str) -> str:
    """Value over the seeds that came so far, and their number if some did not."""
    found, tried = arm.metrics.get("quality_at_budget"), arm.to_target.get("steps_to_target")
    text = format_interval(found, unit)
    few = found is not None and tried is not None and found.n < tried.of
    return f"{text}, {found.n} of {tried.of} seeds" if few and found is not None and tried is not None else text


def reached(arm: Arm) -> str:
    """Number of seeds that reached the target, of all: `4 of 5`."""
    found = arm.to_target.get("steps_to_target")
    return NOTHING if found is None else f"{found.reached} of {found.of}"


def _spread(found: Spread | None, unit: str) -> str:
    """`350 steps (300–400 steps)`, or `beyond the budget` for an end at which the target was not reached."""
    if found is None or found.low is None:
        return NOTHING if found is None else "not within the budget"
    median = "beyond the budget" if found.median is None else format_value(found.median, unit)
    if found.of == 1:
        return median
    return f"{median} ({span(found.low, found.high, unit)})"


def span(low: float, high: float | None, unit: str) -> str:
    """Range from the least to the greatest, both in the unit of the greatest."""
    if high is None:
        return f"{format_value(low, unit)}–beyond the budget"
    return f"{digits(low, unit, high)}–{format_value(high, unit)}"


def _curve_rows(arms: Sequence[Arm]) -> Iterator[list[str]]:
    """Median and range of quality at some of the evaluations: the first, the last, and evenly between."""
    points = [{point.steps: point for point in arm.curve} for arm in arms]
    steps = sorted(set().union(*points))
    every = -(-len(steps) // MOST_ROWS)
    for at in sorted({*steps[::every], *steps[-1:]}):
        yield [f"{at:,}", *(_point(of_arm.get(at)) for of_arm in points)]


def _point(point: CurvePoint | None) -> str:
    if point is None:
        return NOTHING
    return format_value(point.quality, "") + (f" ({span(point.low, point.high, '')})" if point.seeds > 1 else "")


def sparkline(values: Sequence[float]) -> str:
    """The values as bars between their least and their greatest."""
    if not values:
        return NOTHING
    low, high = min(values), max(values)
    edges = [low + (high - low) * edge / len(BARS) for edge in range(1, len(BARS))]
    return "".join(BARS[bisect.bisect_left(edges, value)] for value in values)
