"""A sign of life during a long activity: its name and duration, on standard error."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import TextIO

PATIENCE = 30.0
"""Seconds before the first line, and between two lines, if there is no terminal."""


class Heartbeat:
    """Prints the present activity: every second on a terminal, every half minute elsewhere; used as a context."""

    def __init__(self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream, self._clock = stream or sys.stderr, clock
        self._what, self._since = "starting", clock()
        self._said = self._since
        self._terminal = self._stream.isatty()
        self._ended, self._line = threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="dlbench-heartbeat")

    def __enter__(self) -> Heartbeat:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, and leave no line behind on a terminal."""
        self._ended.set()
        self._thread.join()
        with self.aside():
            pass

    def announce(self, what: str) -> None:
        """Name the next activity."""
        self._what = what
        self._since = self._said = self._clock()

    @contextlib.contextmanager
    def aside(self) -> Iterator[None]:
        """Keep the line off the terminal in the block, which writes one that stays."""
        with self._line:
            if self._terminal:
                self._write("\r\033[K")
            yield

    def due(self) -> bool:
        """True if a sign of life is to be given now."""
        return self._terminal or self._clock() - self._said >= PATIENCE

    def say(self) -> None:
        """One sign of life."""
        with self._line:
            self._said = self._clock()
            line = f"  ... {self._what}, {self._said - self._since:.0f} s"
            self._write(f"\r\033[K{line}" if self._terminal else f"{line}\n")

    def _beat(self) -> None:
        while not self._ended.wait(1.0):
            if self.due():
                self.say()

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
