"""Figures of training to a target: steps and seconds until a Run reached it, and its quality at the budget."""

from __future__ import annotations

from dlbench.record.schema import Run, TaskInfo


def reaches(task: TaskInfo, quality: float) -> bool:
    """True if this quality is the target or better."""
    return quality >= task.target if task.higher_is_better else quality <= task.target


def steps_to_target(run: Run) -> float | None:
    """Training steps at the first evaluation that reached the target; None if none did."""
    found = [at.steps for at in run.evaluations if run.task is not None and reaches(run.task, at.quality)]
    return found[0] if found else None


def seconds_to_target(run: Run) -> float | None:
    """Training seconds, the first step included, at the first evaluation that reached the target."""
    found = [at.seconds for at in run.evaluations if run.task is not None and reaches(run.task, at.quality)]
    return found[0] if found else None


def quality_at_budget(run: Run) -> float | None:
    """Quality once the task's budget of steps is trained; None for a Run that was not trained so far."""
    found = [at.quality for at in run.evaluations if run.task is not None and at.steps >= run.task.budget_steps]
    return found[0] if found else None
