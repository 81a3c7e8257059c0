"""A process that outlives its parent for a moment: it ends the children of a parent that was killed.

Nothing inside a child can be relied upon for that: a plugin may loop for ever without Python ever running again. The
guard is told the process groups that live, and kills them when its input ends, which happens however the parent goes.
Run by its path, so that it starts in milliseconds; it imports nothing of dlbench.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterable


class Guard:
    """The parent's handle on its guard; started with the first child."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def watch(self, group: int) -> None:
        """Kill this process group when this process is gone."""
        self._tell(f"+{group}\n")

    def release(self, group: int) -> None:
        """The group is being ended here."""
        self._tell(f"-{group}\n")

    def _tell(self, line: str) -> None:
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._process, self._owner = _start(), os.getpid()
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-I", "-S", __file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # neither Ctrl-C nor a signal to the parent's group reaches it
    )


def alive_at_the_end(lines: Iterable[bytes]) -> set[int]:
    """The groups that were to be watched and were not released when the input ended."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line.startswith(b"+"):
            groups.add(group)
        else:
            groups.discard(group)
    return groups


if __name__ == "__main__":
    for left in alive_at_the_end(sys.stdin.buffer):
        with contextlib.suppress(OSError):
            os.killpg(left, signal.SIGKILL)
