"""Measures groups one after the other and puts every Run on the disk before the next group starts."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from dlbench.arm import Arm, ObedientChild, Place
from dlbench.errors import DlbenchError, RecordError
from dlbench.isolate import Child
from dlbench.lockstep import measure_group
from dlbench.plan import Group
from dlbench.record import Run, append_runs
from dlbench.spec import Policy, Spec

RUNS_FILE = "runs.jsonl"

StartChild = Callable[[Spec, Policy], ObedientChild]


class Listener(Protocol):
    """Told of what goes on, outside the timed region; every call must return at once."""

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """A group begins; `seconds_left` estimates the time for it and all that follow, None before it is known."""
        ...

    def announce(self, group: Group, stage: str, number: int) -> None:
        """What the group does now, and which arm or round that is."""
        ...

    def finished(self, run: Run) -> None:
        """A Run is on the disk."""
        ...

    def stopped(self, reason: str) -> None:
        """No further group is measured."""
        ...


def start_child(spec: Spec, policy: Policy) -> ObedientChild:
    """A fresh process for this Spec."""
    return Child(spec.threads, policy.timeout_seconds)


def execute(
    groups: Sequence[Group], policy: Policy, listener: Listener, start: StartChild = start_child
) -> Iterator[list[Run]]:
    """Measure the groups in order and yield the Runs of each.

    A Spec that turned out unsupported is not tried again, nor is a plugin that could not be loaded. Stops before a
    group that would overrun the policy's budget.
    """
    session, begin = uuid.uuid4().hex[:12], time.monotonic()
    pace, hopeless = Pace(), _Hopeless()
    for done, group in enumerate(groups):
        specs = tuple(spec for spec in group.specs if spec not in hopeless)
        if not specs:
            continue
        elapsed = time.monotonic() - begin
        if policy.budget_seconds is not None and elapsed + (pace.of(group) or 0.0) > policy.budget_seconds:
            listener.stopped(f"the budget of {policy.budget_seconds:g} s is used; {len(groups) - done} groups left out")
            return
        listener.group_started(group, done, len(groups), pace.left(groups[done:]))
        with pace.timing(group):
            runs = _measure(replace(group, specs=specs), policy, session, listener, start)
        hopeless.learn(runs)
        yield runs


def record(
    groups: Sequence[Group], policy: Policy, folder: Path, listener: Listener, start: StartChild = start_child
) -> list[Run]:
    """Measure the groups and append every Run to `folder/runs.jsonl`, group by group.

    Nothing is written while all that is known is that something cannot run here: when it stays so, DlbenchError says
    why, and the disk is as it was.
    """
    kept: list[Run] = []
    held_back: list[Run] = []
    for runs in execute(groups, policy, listener, start):
        held_back += runs
        if kept or not all(_never_ran(run) for run in held_back):
            _append(folder, held_back)
            for run in held_back:
                listener.finished(run)
            kept += held_back
            held_back = []
    if not kept:
        raise DlbenchError("; ".join(dict.fromkeys(run.reason for run in held_back)) or "nothing was measured")
    return kept


def prepare_folder(folder: Path) -> None:
    """Check that a report can be written there, without leaving anything behind. Raises RecordError."""
    if (folder / RUNS_FILE).exists():
        raise RecordError(f"{folder} already holds a report; give another --out, or remove it first")
    home = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    try:
        probe = home / f".dlbench-{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise RecordError(f"{folder} cannot be written ({error.strerror}); give another --out") from error


class Pace:
    """How long groups take, by phase: what the remaining time is estimated from."""

    def __init__(self) -> None:
        self._seconds: dict[str, list[float]] = {}

    def timing(self, group: Group) -> ExitStack:
        """A context whose duration counts as this group's."""
        stack, begin = ExitStack(), time.monotonic()
        stack.callback(lambda: self.add(group, time.monotonic() - begin))
        return stack

    def add(self, group: Group, seconds: float) -> None:
        """A group of this phase took so long."""
        self._seconds.setdefault(group.specs[0].phase, []).append(seconds)

    def of(self, group: Group) -> float | None:
        """Seconds to expect for this group: the longest of its phase so far."""
        return max(self._seconds.get(group.specs[0].phase, []), default=None)

    def left(self, groups: Sequence[Group]) -> float | None:
        """Seconds to expect for these groups; None until a group of every phase among them has been measured."""
        known = [seconds for group in groups if (seconds := self.of(group)) is not None]
        return sum(known) if len(known) == len(groups) else None


class _Hopeless:
    """Specs that are not tried again."""

    def __init__(self) -> None:
        self._specs: set[Spec] = set()
        self._plugins: set[str] = set()

    def __contains__(self, spec: Spec) -> bool:
        return spec in self._specs or spec.plugin in self._plugins

    def learn(self, runs: Sequence[Run]) -> None:
        self._specs |= {run.spec for run in runs if run.status == "unsupported"}
        self._plugins |= {run.spec.plugin for run in runs if "not_loaded" in run.flags}


def _measure(group: Group, policy: Policy, session: str, listener: Listener, start: StartChild) -> list[Run]:
    with ExitStack() as stack:
        arms = []
        for number, spec in enumerate(group.specs):
            place = Place(session, group.number, group.of, number, len(group.specs))
            arm = Arm(spec, policy, place, lambda spec=spec: start(spec, policy))  # type: ignore[misc]
            stack.callback(arm.abandon)
            arms.append(arm)
        seed = policy.order_seed + group.number
        measure_group(arms, seed, lambda stage, at: listener.announce(group, stage, at))
        return [arm.run() for arm in arms]


def _never_ran(run: Run) -> bool:
    return run.status == "unsupported" or "not_loaded" in run.flags


def _append(folder: Path, runs: Sequence[Run]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RecordError(f"{folder} cannot be made ({error.strerror}); give another --out") from error
    append_runs(folder / RUNS_FILE, runs)
