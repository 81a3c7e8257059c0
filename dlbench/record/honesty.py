"""Figures that cannot be: what the parent of a process sees without a word of the plugin."""

from __future__ import annotations

import os
from collections.abc import Sequence

TICK = 1 / os.sysconf("SC_CLK_TCK")
"""Seconds by which the kernel counts the CPU time of other processes: less may read as one."""
SHARE, SLACK, REPLIES = 0.1, 0.5, 5
"""Share of the timed seconds, and seconds, by which the clock of a process may differ from its parent's.

Both run on while either is stopped. A reply that waits to be read comes late: of the first and of the last
REPLIES those count that fit best.
"""


def surely_worked(cpu_seconds: float) -> float:
    """CPU seconds of processes without a tick, which they may not have worked."""
    return max(0.0, cpu_seconds - TICK)


def clocks_apart(readings: Sequence[tuple[float, float]], timed: float) -> str:
    """The contradiction of the parent's clock and the child's, in words; empty where they agree.

    `readings` are seconds of both at every reply, each from a start of its own; `timed` are those of all samples.
    """
    count = min(REPLIES, max(len(readings) // 4, 1)) if len(readings) > 1 else 0
    pairs = [
        (last[0] - first[0], last[1] - first[1])
        for first in readings[:count]
        for last in readings[len(readings) - count :]
    ]
    if not pairs:
        return ""
    passed, said = min(pairs, key=lambda pair: abs(pair[0] - pair[1]))
    if abs(passed - said) <= SHARE * timed + SLACK:
        return ""
    return (
        f"its clock counted {said:.3g} s while dlbench's own counted {passed:.3g} s; somebody changed a clock in the "
        "process, and no figure is read from it"
    )
