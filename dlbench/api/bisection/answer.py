"""The answer of a search or of a strip, put together from its trials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dlbench.api.bisection import facts
from dlbench.api.bisection.errors import Errors
from dlbench.api.bisection.groups import is_timed
from dlbench.api.bisection.request import Request
from dlbench.api.bisection.trials import Trials
from dlbench.stats.bisection import answer, search, strip
from dlbench.stats.bisection.answer import Bisection, Line
from dlbench.stats.bisection.search import Row, Unmeasurable


@dataclass
class Transcript:
    """The lines of a search as they come, each handed on."""

    names: Sequence[str]
    titles: Sequence[str]
    trials: Trials | Errors
    tell: Callable[[Line], object]
    lines: list[Line] = field(default_factory=list)

    def __call__(self, row: Row) -> None:
        """Add a row; the first one of a trial has its seconds."""
        took = self.trials.took.pop(row.members, 0.0)
        self.lines.append(answer.line(row, self.names, self.titles, took))
        self.tell(self.lines[-1])


def searched(asked: Request, trials: Trials | Errors, told: Transcript) -> Bisection:
    """The answer of a search. Raises DlbenchError."""
    places = len(asked.found.candidates)
    outcome = search.search(places, trials, told, all_count=not is_timed(asked.metric))
    names, titles = told.names, told.titles
    of_steps = {step.after: (facts.differing(asked, step), facts.again(asked, step)) for step in outcome.steps}
    return Bisection(
        **_heading(asked, trials),
        status=outcome.status,
        changes=answer.changes(outcome, names, titles, of_steps),
        several=outcome.several,
        reason=outcome.reason,
        ranges=tuple((names[low], names[high]) for low, high in outcome.ranges),
    )


def whole(asked: Request, trials: Trials | Errors, told: Transcript) -> Bisection:
    """The answer of a strip. Raises DlbenchError."""
    names, titles = told.names, told.titles
    try:
        points = strip.strip(len(names), trials, told, all_count=not is_timed(asked.metric))
    except Unmeasurable as error:
        return Bisection(**_heading(asked, trials), status="not measured", reason=str(error))
    shown = tuple(answer.point(one, names, titles) for one in points)
    verdicts = {one.verdict for one in points}
    if points[-1].verdict == "not measured" and "differ" not in verdicts:
        return Bisection(**_heading(asked, trials), status="not measured", points=shown, reason=points[-1].reason)
    decided: search.Status = "found" if "differ" in verdicts else "undecided" if "undecided" in verdicts else "same"
    several = sum(one.verdict == "differ" for one in points) > 1
    reason = next((one.reason for one in points if one.verdict == "undecided" and one.reason), "")
    return Bisection(**_heading(asked, trials), status=decided, points=shown, several=several, reason=reason)


def _heading(asked: Request, trials: Trials | Errors) -> dict[str, Any]:
    members = tuple(one.name for one in asked.found.candidates)
    return {"subject": asked.found.subject, "metric": asked.metric, "arm": trials.arm, "members": members}
