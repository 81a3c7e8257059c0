"""Signals by which a session is told to end, other than Ctrl-C."""

from __future__ import annotations

import signal
from types import FrameType

ENDING = tuple(getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupted(KeyboardInterrupt):
    """Raised in the main thread when one of these signals arrives; `number` is its number."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def listen() -> None:
    """Raise Interrupted for each of these signals that is not ignored, as `nohup` has SIGHUP ignored."""
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _: FrameType | None) -> None:
    """Take further ones for the same: a shell and the kernel both tell a session that its terminal is gone."""
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise Interrupted(number)
