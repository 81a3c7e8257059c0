"""The receiver of a session's progress."""

from __future__ import annotations

from typing import Protocol

from dlbench.record.schema import Run
from dlbench.session.plan import Group
from dlbench.spec import Spec


class Listener(Protocol):
    """Receiver of progress, outside the timed region; every call must return at once."""

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """A group begins; `seconds_left` estimates the time for it and all that follow, None before it is known."""
        ...

    def discarding(self, spec: Spec) -> None:
        """A process of this Spec begins that is thrown away."""
        ...

    def building(self, arm: str) -> None:
        """The first process of an arm builds from now on and takes its first step, which may compile for minutes."""
        ...

    def finished(self, run: Run) -> None:
        """A Run is on the disk."""
        ...

    def stopped(self, reason: str) -> None:
        """No further group is measured."""
        ...

    def looking(self, text: str) -> None:
        """An arm, and what is looked at, outside of any timing: that may take minutes."""
        ...

    def note(self, text: str) -> None:
        """A sentence about the session, such as the answer of a parity check."""
        ...


class Quiet:
    """Says nothing."""

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """Nothing."""

    def discarding(self, spec: Spec) -> None:
        """Nothing."""

    def building(self, arm: str) -> None:
        """Nothing."""

    def finished(self, run: Run) -> None:
        """Nothing."""

    def stopped(self, reason: str) -> None:
        """Nothing."""

    def looking(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""
