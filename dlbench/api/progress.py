"""Progress in plain words: a listener that hands over lines, and the lines themselves."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeAlias

from dlbench.analysis import metrics
from dlbench.analysis.learnt import steps_to_target
from dlbench.record.flags import FLAGS, FlagName
from dlbench.record.schema import Run
from dlbench.report.markdown import plain
from dlbench.session.listener import Listener, Quiet
from dlbench.session.plan import Group
from dlbench.spec import Spec

Progress: TypeAlias = bool | Listener
"""Progress of a session: on standard error, none, or told to a Listener."""


class Lines(Quiet):
    """One line a group, one a Run and one a note; a flag of a Run is explained where it comes first."""

    def __init__(self, write: Callable[[str], object], clock: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock = write, clock
        self._first: float | None = None
        self._explained: set[FlagName] = set()

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """Line for the group that begins, and the remaining time, or else the time so far."""
        self.note(f"[{done + 1}/{total}] {title(group)}{self._times(seconds_left)}")

    def discarding(self, spec: Spec) -> None:
        """Line for a pilot process."""
        self.note(f"    {spec.label}: one process first that is discarded (page cache, compile cache)")

    def building(self, arm: str) -> None:
        """Line for the arm."""
        self.note(f"    building {arm}")

    def finished(self, run: Run) -> None:
        """The figure that was found, or why there is none."""
        self.note(f"    {headline(run)}")
        for flag, sentence in FLAGS.items():
            if flag in run.flags and flag not in self._explained:
                self._explained.add(flag)
                self.note(f"        [{flag}] marks processes that {sentence}")

    def stopped(self, reason: str) -> None:
        """Line with the reason that no more is measured."""
        self.note(f"stopped: {reason}")

    def looking(self, text: str) -> None:
        """Line for the arm."""
        self.note(f"    looking at {text}")

    def note(self, text: str) -> None:
        """The sentence, on one line."""
        self._write(" ".join(plain(text).split("\n")))

    def _times(self, seconds_left: float | None) -> str:
        """Time left, or the time so far while it is not known: a group to come may be of another kind."""
        now = self._clock()
        self._first = now if self._first is None else self._first
        if seconds_left is not None:
            return f", about {duration(seconds_left)} left"
        return f", {duration(now - self._first)} so far" if now > self._first else ""


def listener_of(progress: Progress) -> Listener:
    """The listener itself, or one that writes lines to standard error, or none."""
    if isinstance(progress, bool):
        return Lines(_tell) if progress else Quiet()
    return progress


def title(group: Group) -> str:
    """A group in a few words."""
    spec = group.specs[0]
    repeat = f"seed {spec.seed}" if spec.replicated_by == "seed" else f"process {group.number + 1}"
    return f"{spec.phase} {' | '.join(one.label for one in group.members)} {spec.size} · {repeat}"


def headline(run: Run) -> str:
    """A Run in one line: its first figure, or its status and reason."""
    name = f"{run.member.label} {run.spec.phase}"
    if not run.ok:
        skipped = "not tried again, " if run.has("not_tried") else ""
        return f"{name}: {skipped}{run.status}: {run.reason}"
    return f"{name}: {_figure(run)}{''.join(f' [{flag}]' for flag in run.flags)}"


def duration(seconds: float) -> str:
    """Seconds for people: `45 s` or `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _figure(run: Run) -> str:
    if run.spec.timed:
        throughput = metrics.throughput(run)
        return "no steady sample" if throughput is None else f"{throughput:,.0f} samples/s"
    assert run.task is not None
    if not run.evaluations:
        return "never evaluated"
    last, steps = run.evaluations[-1], steps_to_target(run)
    reached = f"target reached at step {steps:g}" if steps is not None else "target not reached"
    quality = f"{last.quality:.3g} {run.task.unit}".rstrip()
    return f"{reached}, {quality} after {last.steps} steps"


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
