"""Groups on their way through a cluster, and the Runs of those that were lost on it."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass, replace

from dlbench.record.flags import StatusName
from dlbench.record.schema import Plan, Run
from dlbench.session.plan import Group, places


@dataclass(frozen=True)
class Task:
    """A group, and the number of this attempt to measure it."""

    group: Group
    attempt: int = 1

    @property
    def again(self) -> Task:
        """The next attempt."""
        return replace(self, attempt=self.attempt + 1)


def runs_of_lost(plan: Plan, task: Task, status: StatusName, reason: str) -> list[Run]:
    """A Run for each arm of a group of which no attempt came to its end."""
    now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    return [
        Run(
            spec=member.spec,
            policy=plan.policy,
            **asdict(place),
            status=status,
            reason=reason,
            started=now,
            wall_seconds=0.0,
            attempt=task.attempt,
        )
        for member, place in places(task.group, plan.session, plan.policy.isolation)
    ]
