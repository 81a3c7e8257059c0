"""Progress of a session: a live bar on a terminal, plain lines elsewhere, nothing when quiet.

Nothing here runs on its own: the bar is drawn when the schedule says something, between turns, a few times a second at
most, so that it never takes a core from what is being measured.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from dlbench.analysis import metrics
from dlbench.record.schema import Run
from dlbench.report.markdown import plain
from dlbench.session import schedule
from dlbench.session.plan import Group
from dlbench.session.schedule import Listener
from dlbench.spec import Spec

SECONDS_BETWEEN_DRAWINGS = 0.25


class Quiet:
    """Says nothing."""

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """Nothing."""

    def discarding(self, spec: Spec) -> None:
        """Nothing."""

    def announce(self, group: Group, stage: str, number: int) -> None:
        """Nothing."""

    def finished(self, run: Run) -> None:
        """Nothing."""

    def stopped(self, reason: str) -> None:
        """Nothing."""


class Lines(Quiet):
    """One line a group and one a Run."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """What is measured now and what is left."""
        left = f", about {duration(seconds_left)} left" if seconds_left is not None else ""
        self._print(f"[{done + 1}/{total}] {title(group)}{left}")

    def discarding(self, spec: Spec) -> None:
        """What is done and not measured."""
        self._print(f"    {spec.label}: one process first that is discarded (page cache, compile cache)")

    def finished(self, run: Run) -> None:
        """The figure that was found, or why there is none."""
        self._print(f"    {headline(run)}")

    def stopped(self, reason: str) -> None:
        """Why no more is measured."""
        self._print(f"stopped: {reason}")

    def _print(self, text: str) -> None:
        self._console.print(Text(" ".join(plain(text).split("\n"))), soft_wrap=True)


class Live(Lines, AbstractContextManager["Live"]):
    """The lines of finished Runs scroll by above a bar that says what is running."""

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        columns = (BarColumn(24), TextColumn("{task.completed}/{task.total}"), TimeElapsedColumn())
        what = TextColumn("{task.description}", markup=False)
        self._progress = Progress(*columns, what, console=console, auto_refresh=False, transient=True)
        self._bar: TaskID = self._progress.add_task("starting", total=None)
        self._left, self._drawn = "", 0.0

    def __enter__(self) -> Live:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away; the lines stay."""
        self._progress.stop()

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """Move the bar on."""
        self._left = f" · about {duration(seconds_left)} left" if seconds_left is not None else ""
        self._progress.update(self._bar, completed=done, total=total, description=f"{title(group)}{self._left}")
        self._progress.refresh()

    def announce(self, group: Group, stage: str, number: int) -> None:
        """Say what the group does now, unless that was just drawn."""
        if time.monotonic() - self._drawn < SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = time.monotonic()
        where = f"round {number + 1}" if stage == "measuring" else group.specs[number].label
        self._progress.update(self._bar, description=f"{title(group)} · {stage}, {where}{self._left}")
        self._progress.refresh()


def listener(console: Console, *, quiet: bool) -> AbstractContextManager[Listener]:
    """What suits this console."""
    if quiet:
        return nullcontext(Quiet())
    return Live(console) if console.is_terminal else nullcontext(Lines(console))


def title(group: Group) -> str:
    """A group in a few words."""
    spec = group.specs[0]
    repeat = f"seed {spec.seed}" if spec.phase == "converge" else f"process {group.number % group.of + 1}"
    return f"{spec.phase} {' | '.join(arm.label for arm in group.specs)} {spec.size} · {repeat}"


def headline(run: Run) -> str:
    """A Run in one line: its first figure, or its status and reason."""
    name = f"{run.spec.label} {run.spec.phase}"
    if run.status != "ok":
        skipped = "not tried again, " if schedule.NOT_TRIED in run.flags else ""
        return f"{name}: {skipped}{run.status}: {run.reason}"
    return f"{name}: {_figure(run)}{''.join(f' [{flag}]' for flag in run.flags)}"


def duration(seconds: float) -> str:
    """Seconds for people: `45 s` or `3 min 20 s`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


def _figure(run: Run) -> str:
    if run.spec.phase != "converge":
        throughput = metrics.throughput(run)
        return "no steady sample" if throughput is None else f"{throughput:,.0f} samples/s"
    assert run.task is not None
    if not run.evaluations:
        return "never evaluated"
    last, steps = run.evaluations[-1], metrics.steps_to_target(run)
    reached = f"target reached at step {steps:g}" if steps is not None else "target not reached"
    return f"{reached}, {last.quality:.3g} {run.task.unit} after {last.steps} steps"
