"""Progress of a session: a live bar on a terminal, plain lines elsewhere, nothing when quiet.

Nothing here runs on its own: the bar is drawn when the schedule says something, between turns, a few times a second at
most, so that it never takes a core from the measurement.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from dlbench.api.progress import Lines, Quiet, duration, title
from dlbench.report import terminal
from dlbench.session.plan import Group
from dlbench.session.schedule import Listener

SECONDS_BETWEEN_DRAWINGS = 0.25


class Printed(Lines):
    """The lines, printed on a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(lambda line: console.print(Text(line), soft_wrap=True))


class Live(Printed, AbstractContextManager["Live"]):
    """The lines of finished Runs scroll by above a bar with the present stage."""

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
        """Show the stage of the group, unless it was just drawn."""
        if time.monotonic() - self._drawn < SECONDS_BETWEEN_DRAWINGS:
            return
        self._drawn = time.monotonic()
        where = f"round {number + 1}" if stage == "measuring" else group.members[number].label
        self._progress.update(self._bar, description=f"{title(group)} · {stage}, {where}{self._left}")
        self._progress.refresh()


def listener(console: Console, *, quiet: bool) -> AbstractContextManager[Listener]:
    """Listener that suits this console."""
    if quiet:
        return nullcontext(Quiet())
    return Live(console) if console.is_terminal else nullcontext(Printed(console))


def on_standard_error(*, quiet: bool) -> AbstractContextManager[Listener]:
    """Listener that suits standard error."""
    return listener(terminal.console(errors=True, quiet=quiet), quiet=quiet)
