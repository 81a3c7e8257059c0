"""Groups of a race, measured: in parts that fit into memory and share an arm, each on the disk before the next."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from dlbench.api.tune import ratios
from dlbench.api.tune.limits import memory
from dlbench.api.tune.ratios import Part
from dlbench.record.journal import Journal
from dlbench.record.schema import Run
from dlbench.session import pilot
from dlbench.session.listener import Listener, Quiet
from dlbench.session.lockstep import starting_order
from dlbench.session.machine import Machine
from dlbench.session.plan import IN_FULL, Group
from dlbench.spec import Member, Spec
from dlbench.stats.tuning.race import Exhausted, Found, Left
from dlbench.workers.backends import Starter

PART = 8
"""Arms that take turns together at most: a round of more is longer than a machine stays the same.

The first group of a race is measured in full, for the latency of single steps. The others are not: their numbers in the
journal begin with IN_FULL.
"""


class Deadline:
    """The budget of a search, which begins with this call."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds, self._begin = seconds, time.monotonic()

    def require(self) -> None:
        """Raise Exhausted once it is used."""
        if self._seconds is not None and time.monotonic() - self._begin >= self._seconds:
            raise Exhausted(f"the budget of {self._seconds:g} s is used")


class Rounds:
    """Measures the groups of a race into a journal, from where it stands; arms are the Specs of its plan.

    `fresh` first processes have a memory of their own, and import the framework each.
    """

    def __init__(
        self, book: Journal, listener: Listener, start: Starter, deadline: Deadline, *, fresh: bool = True
    ) -> None:
        self.book, self._listener, self._deadline = book, listener, deadline
        self._first = 0 if fresh else 1
        self._machine = Machine(book.plan, Quiet(), start)  # whose own lines name arms without their workload
        self._machine.learn(book.runs)
        _whole(book)

    def __call__(self, number: int, arms: Sequence[int]) -> Found:
        """One group, as `dlbench.stats.tuning.race.Measure` asks for it. Raises Exhausted and DlbenchError."""
        number = number + IN_FULL - 1 if number else self._first
        specs = [self.book.plan.specs[one] for one in arms]
        while (members := self._next(number, specs)) is not None:
            self._deadline.require()
            self._measure(number, members)
        failed, parts = self._failed(number), self._parts(number)
        hub = _hub(specs, failed)
        values = ratios.of_group(hub, parts) if hub is not None else {}
        of = dict(zip(specs, arms, strict=True))
        return Found(
            {of[spec]: value for spec, value in values.items() if spec in of},
            {of[spec]: Left("failed", _reason(run)) for spec, run in failed.items() if spec in of},
        )

    def of(self, arm: int) -> list[Run]:
        """Runs of an arm so far."""
        spec = self.book.plan.specs[arm]
        return [run for run in self.book.runs if run.spec == spec]

    def _next(self, number: int, specs: Sequence[Spec]) -> list[Spec] | None:
        """Members of the next part of a group; None if all are measured."""
        failed, parts = self._failed(number), self._parts(number)
        hub = _hub(specs, failed)
        if hub is None:
            return None
        done = {spec for part in parts if hub in part for spec in part}
        left = [spec for spec in specs if spec != hub and spec not in done and spec not in failed]
        if not left:
            return None if hub in done else [hub]
        alone = _crowded(self._of_group(number))
        fitting = [] if hub in alone else [spec for spec in left if spec not in alone]
        return [hub, *(self._fitting(hub, fitting) if fitting else left[:1])]

    def _fitting(self, hub: Spec, left: Sequence[Spec]) -> list[Spec]:
        """The first of these that fit into memory beside the hub; one of unknown size is as large as any known."""
        sizes = {run.spec: size for run in self.book.runs if run.ok and (size := _size(run)) is not None}
        largest = max(sizes.values(), default=0.0)
        free, found = self._free(hub) - sizes.get(hub, largest), list[Spec]()
        for spec in left[: PART - 1]:
            free -= sizes.get(spec, largest)
            if found and free < 0:
                break
            found.append(spec)
        return found

    def _free(self, hub: Spec) -> float:
        """Bytes that a part may take, where its arms were built: on the device if it is one of its own."""
        device = next((run.info.device for run in self.book.runs if run.info is not None), hub.device)
        free = pilot.available_memory(device)
        return free.host if device == "cpu" else free.device

    def _measure(self, number: int, specs: Sequence[Spec]) -> None:
        part = len({run.part for run in self._of_group(number)})
        members = tuple(starting_order([Member(spec) for spec in specs], number))
        group = Group(number, members, self.book.plan.policy.processes, part)
        several = f", part {part + 1}" if part else ""
        shown = max(number - IN_FULL + 2, 1)
        self._listener.note(f"group {shown}{several}: {len(specs)} settings")
        runs = self._machine.measure(group)
        self.book.append(runs)
        for run in runs:
            self._listener.finished(run)

    def _of_group(self, number: int) -> list[Run]:
        return [run for run in self.book.runs if run.group == number]

    def _parts(self, number: int) -> list[Part]:
        """The parts of a group, of the Runs that ended well."""
        found: dict[int, dict[Spec, Run]] = {}
        for run in self._of_group(number):
            if run.ok:
                found.setdefault(run.part, {})[run.spec] = run
        return list(found.values())

    def _failed(self, number: int) -> dict[Spec, Run]:
        """Arms that failed in a group; not those that ran out of memory beside others and may fit alone."""
        runs = self._of_group(number)
        return {run.spec: run for run in runs if not run.ok and not _is_crowded(run)}


def _hub(specs: Sequence[Spec], failed: Mapping[Spec, Run]) -> Spec | None:
    """The arm that all parts of a group share: the first that did not fail in it."""
    return next((spec for spec in specs if spec not in failed), None)


def _size(run: Run) -> float | None:
    """Bytes that its process takes at most: of a forked one all, with what it shares with its parent."""
    known = memory(run)
    if known is not None or run.info is None or run.info.device != "cpu":
        return known
    return max((mark.peak_bytes for mark in run.memory), default=None)


def _is_crowded(run: Run) -> bool:
    return run.status == "out-of-memory" and run.arms > 2


def _crowded(runs: Sequence[Run]) -> set[Spec]:
    """Arms that ran out of memory beside others."""
    return {run.spec for run in runs if _is_crowded(run)}


def _reason(run: Run) -> str:
    return f"{run.status}: {run.reason}" if run.reason else run.status


def _whole(book: Journal) -> None:
    """Forget the Runs of a part that was cut short: its arms must run together."""
    runs = book.runs
    last = [run for run in runs if runs and run.together == runs[-1].together]
    if last and len(last) < last[0].arms:
        book.truncate(len(runs) - len(last))
