"""Progress of a session: a live view on a terminal, plain lines elsewhere, nothing when quiet.

Nothing here runs on its own: the view is drawn when the schedule says something between groups, or before an arm is
built, while no sample is timed, so that it takes no core from the measurement.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from rich.console import Console, RenderableType
from rich.console import Group as Stacked
from rich.live import Live as Display
from rich.table import Table
from rich.text import Text

from dlbench.api.narrowing import Narrowed, Narrowing
from dlbench.api.progress import Lines, duration, title
from dlbench.record.schema import Run
from dlbench.report import terminal
from dlbench.report.markdown import plain
from dlbench.report.units import format_interval
from dlbench.session.listener import Listener, Quiet
from dlbench.session.plan import Group

MOST_RATIOS = 8
"""Ratios that the view shows, those with the widest intervals: it must fit on a small terminal."""


class Printed(Lines):
    """The lines, printed on a console."""

    def __init__(self, console: Console) -> None:
        super().__init__(lambda line: console.print(Text(line), soft_wrap=not console.is_terminal))


class Live(Printed, AbstractContextManager["Live"]):
    """The lines of finished Runs scroll by above a view of the ratios so far and the time left."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__(console)
        self._display = Display(console=console, auto_refresh=False, transient=True)
        self._clock, self._began = clock, clock()
        self._narrowing, self._state = Narrowing(), ""

    def __enter__(self) -> Live:
        """Show the view."""
        self._began = self._clock()
        self._draw("starting")
        self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the view away; the lines stay."""
        self._display.stop()

    def group_started(self, group: Group, done: int, total: int, seconds_left: float | None) -> None:
        """Show the ratios and the group that begins."""
        self._narrowing.began(group)
        left = self._narrowing.seconds_left()
        shortest = min((one for one in (left, seconds_left) if one is not None), default=None)
        until = f"verdict in about {duration(shortest)}" if shortest is not None else "time left not known yet"
        self._state = f"group {done + 1} of at most {total}, {until} · {title(group)}"
        self._draw(self._state)

    def building(self, arm: str) -> None:
        """Add the arm, before its process begins."""
        self._draw(f"{self._state} · building {arm}")

    def looking(self, text: str) -> None:
        """The arm, until the next one."""
        self._draw(f"looking at {text}")

    def finished(self, run: Run) -> None:
        """The line of the Run."""
        self._narrowing.finished(run)
        super().finished(run)

    def _draw(self, state: str) -> None:
        ratios = self._narrowing.ratios()
        line = Text(f"{duration(self._clock() - self._began)} · {plain(state)}")
        self._display.update(Stacked(_table(ratios), line) if ratios else line, refresh=True)


def _table(ratios: list[Narrowed]) -> RenderableType:
    grid = Table(show_edge=False, pad_edge=False)
    grid.add_column("Step time so far", overflow="fold")
    for head in ("Ratio", "Half-width", "Groups"):
        grid.add_column(head, justify="right")
    for one in ratios[:MOST_RATIOS]:
        width = "not known" if math.isinf(one.half_width) else f"±{one.half_width:.1%}"
        grid.add_row(plain(one.name), format_interval(one.ratio, ""), width, str(one.groups))
    if len(ratios) > MOST_RATIOS:
        grid.add_row(f"and {len(ratios) - MOST_RATIOS} known better", "", "", "")
    return grid


def listener(console: Console, *, quiet: bool) -> AbstractContextManager[Listener]:
    """Listener that suits this console."""
    if quiet:
        return nullcontext(Quiet())
    return Live(console) if console.is_terminal else nullcontext(Printed(console))


def on_standard_error(*, quiet: bool) -> AbstractContextManager[Listener]:
    """Listener that suits standard error."""
    return listener(terminal.console(errors=True, quiet=quiet), quiet=quiet)
