"""Time estimates of groups, from those that have been measured."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack

from dlbench.session.plan import Group


class TimeEstimate:
    """Durations of groups, from which the remaining time is estimated."""

    def __init__(self) -> None:
        self._seconds: dict[object, float] = {}

    def timing(self, group: Group) -> ExitStack:
        """A context whose duration counts as this group's."""
        stack, begin = ExitStack(), time.monotonic()
        stack.callback(lambda: self.add(group, time.monotonic() - begin))
        return stack

    def add(self, group: Group, seconds: float) -> None:
        """A group of these Specs took so long."""
        for key in _keys(group):
            self._seconds[key] = max(seconds, self._seconds.get(key, 0.0))

    def expected(self, group: Group) -> float | None:
        """Seconds to expect for this group: the longest of the same Specs so far, or else of its phase."""
        return next((self._seconds[key] for key in _keys(group) if key in self._seconds), None)

    def remaining(self, groups: Sequence[Group]) -> float | None:
        """Seconds to expect for these groups; None until a group of every phase among them has been measured."""
        known = [seconds for group in groups if (seconds := self.expected(group)) is not None]
        return sum(known) if len(known) == len(groups) else None


def _keys(group: Group) -> tuple[object, object]:
    return frozenset(group.members), group.specs[0].phase
