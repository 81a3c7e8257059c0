"""Figures that cannot be: what the parent of a process sees without a word of the plugin."""

from __future__ import annotations

from collections.abc import Sequence

SHARE, SLACK = 0.05, 0.25
"""Share of the timed seconds, and seconds, by which the clock of a process may differ from its parent's.

Both run on while either is stopped. A reply that waits on a busy machine counts once, for the first and the last alone.
"""


def clocks_apart(readings: Sequence[tuple[float, float]], timed: float) -> str:
    """What the parent's clock and the child's say where they contradict each other; empty where they agree.

    `readings` are seconds of both at every reply, each from a start of its own; `timed` are those of all samples.
    """
    if len(readings) < 2:
        return ""
    (own, child), (own_last, child_last) = readings[0], readings[-1]
    passed, said = own_last - own, child_last - child
    if abs(passed - said) <= SHARE * timed + SLACK:
        return ""
    return (
        f"its clock counted {said:.3g} s while dlbench's own counted {passed:.3g} s; somebody changed a clock in the "
        "process, and no figure is read from it"
    )
