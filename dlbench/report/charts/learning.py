"""Curves of convergence: quality against training steps, a line for each seed, and the target."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from dlbench.record.schema import Evaluation, Run, TaskInfo
from dlbench.report.chart import Axis, Chart, Point, Series
from dlbench.report.charts.arms import Drawn, DrawnArms
from dlbench.report.convergence import reached
from dlbench.report.section import Section


def charts(section: Section, drawn: DrawnArms) -> Iterator[Chart]:
    """Two for a workload that trained towards a target: by steps, and by time."""
    task = section.task
    if task is None or not any(run.evaluations for one in drawn.arms for run in one.runs):
        return
    yield _chart(task, drawn, "Convergence by seed", Axis("Training steps"), lambda at: at.steps)
    yield _chart(
        task, drawn, "Convergence in time", Axis("Training time", "s", logarithmic=True), lambda at: at.seconds
    )


def _chart(task: TaskInfo, drawn: DrawnArms, title: str, x: Axis, of: Callable[[Evaluation], float]) -> Chart:
    sign = "at least" if task.higher_is_better else "at most"
    target = f"{sign} {task.target:g} {task.unit}".strip()
    arms = "; ".join(_words(one) for one in drawn.arms)
    return Chart(
        kind="lines",
        title=title,
        said=f"{task.metric} against {x.title.lower()}; the target is {target}. {arms}.",
        x=x,
        y=Axis(_title(task)),
        series=[_curve(one, run, of) for one in drawn.arms for run in one.runs if run.evaluations],
        across=(task.target,),
        note=f"A line for each seed, equal ones under each other; dashed: the target, {target}. {drawn.note}".strip(),
    )


def _title(task: TaskInfo) -> str:
    return f"{task.metric} ({task.unit})" if task.unit else task.metric


def _curve(one: Drawn, run: Run, of: Callable[[Evaluation], float]) -> Series:
    points = [Point(of(at), at.quality) for at in run.evaluations]
    return Series(one.name, points, one.shade, note=f"seed {run.spec.seed}")


def _words(one: Drawn) -> str:
    return f"{one.arm.label}: {reached(one.arm)} seeds reached it"
