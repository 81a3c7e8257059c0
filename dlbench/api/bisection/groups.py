"""Groups of a trial from its Runs: the logarithm of the figure of each member."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from dlbench.analysis import evidence, screening
from dlbench.analysis.metrics import METRICS
from dlbench.record.flags import STATUSES
from dlbench.record.reading import read_plan
from dlbench.record.schema import PLAN_FILE, Run, Together
from dlbench.session import schedule
from dlbench.stats.bisection.search import Trial
from dlbench.stats.interim import INTERIM_GROUPS

ByMember = Mapping[int, Mapping[Any, Run]]
"""Runs that ended well, by member and group."""


def is_timed(metric: str) -> bool:
    """True for step times, which are compared round by round."""
    return metric in METRICS and METRICS[metric].paired == "rounds"


def by_member(trial: Trial, runs: Sequence[Run], names: Mapping[str, int]) -> ByMember:
    """Runs that ended well; `names` are the members of a trial by name."""
    found: dict[int, dict[Any, Run]] = {one: {} for one in trial.members}
    for run in screening.mark(runs):
        if run.ok:
            found[names[run.spec.python]][run.together] = run
    return found


class Failure(NamedTuple):
    """The reason of a member that does not run, and whether it is the same in every process."""

    reason: str
    final: bool


def failure(runs: Sequence[Run], name: str) -> Failure | None:
    """Failure of a member none of whose Runs ended well, or that stopped to run; None while that is not known.

    Fewer Runs than a look has show it only where no model stood: a process may be ended from outside. What ran once may
    run again: its failure is never the same in every process.
    """
    found = [run for run in runs if run.spec.python == name]
    ran = any(run.ok for run in found)
    if not found or not (schedule.never_ran(found[-1]) or (len(found) >= INTERIM_GROUPS[0] and not ran)):
        return None
    last = found[-1]
    return Failure(f"{name}: {last.status}: {last.reason}", final=STATUSES[last.status].final and not ran)


def is_of(place: Path, names: Sequence[str]) -> bool:
    """True if the trial in this folder has these members, or none yet."""
    return not (place / PLAN_FILE).exists() or [*read_plan(place / PLAN_FILE).pythons] == list(names)


def lacking(found: ByMember, metric: str) -> int | None:
    """A member none of whose Runs has the figure, or a positive one: its logarithm is what is compared.

    A look takes that many Runs.
    """
    of = METRICS[metric].of
    enough = {one: runs for one, runs in found.items() if len(runs) >= INTERIM_GROUPS[0]}
    return next((one for one, runs in enough.items() if not any((of(run) or 0.0) > 0 for run in runs.values())), None)


def no_figure(metric: str) -> str:
    """The reason of a member that is lacking."""
    return f"no Run has a positive {METRICS[metric].title.lower()}; give another --metric"


def groups(trial: Trial, found: ByMember, metric: str) -> list[Mapping[int, float]]:
    """The logarithms of the figure, group by group, relative to the first member for times of steps."""
    first = trial.members[0]
    whole = [key for key in found[first] if all(key in found[one] for one in trial.members)]
    if not is_timed(metric):
        return [values for key in whole if len(values := _values(found, key, metric)) == len(trial.members)]
    before = [found[first][key] for key in whole]
    columns = {
        one: evidence.log_ratio_by_group(before, [found[one][key] for key in whole]) for one in trial.members[1:]
    }  # empty of a program without a steady state, or whose ratio other programs made unknown
    known = [run.together for run in before if all(run.together in column for column in columns.values())]
    return [{first: 0.0} | {one: columns[one][at] for one in columns} for at in known]


def rounds(trial: Trial, found: ByMember) -> list[list[float]]:
    """The log ratio of both ends in each round, group by group."""
    old, new = found[trial.members[0]], found[trial.members[-1]]
    return [evidence.round_log_ratios(old[key], new[key]) for key in old if key in new]


def disturbance(trial: Trial, found: ByMember, metric: str) -> str:
    """Reason that members have no ratio: other programs. Empty if that is not the reason."""
    first, *others = (list(found[one].values()) for one in trial.members)
    said = (evidence.disturbance(first, other) for other in others) if is_timed(metric) else iter(())
    return next(filter(None, said), "")


def seconds(runs: Sequence[Run]) -> float:
    """Seconds that these groups took: their arms start together and end together."""
    longest: dict[Together, float] = {}
    for run in runs:
        longest[run.together] = max(run.wall_seconds, longest.get(run.together, 0.0))
    return math.fsum(longest.values())


def _values(found: ByMember, key: Any, metric: str) -> dict[int, float]:
    figures = {one: METRICS[metric].of(runs[key]) for one, runs in found.items()}
    return {one: math.log(figure) for one, figure in figures.items() if figure is not None and figure > 0}
