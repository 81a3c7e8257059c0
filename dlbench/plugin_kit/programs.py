"""Account of compiled programs, as a plugin reports it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dlbench.plugin import PARTS, CacheState, Compilation, Part


class Program(Protocol):
    """A function that a compiler takes whole: the parts of a step in it, its calls, and what became of it.

    `traces` counts the programs that were made of it, `breaks` the places that its compiler left to Python. `cache` is
    the state of the compiler's cache before the first of them.
    """

    parts: Sequence[Part]
    calls: int
    cache: CacheState

    @property
    def traces(self) -> int:
        """Programs so far."""
        ...

    @property
    def breaks(self) -> int:
        """Breaks in them."""
        ...


def compilation_of(programs: Sequence[Program], reason: str) -> Compilation:
    """The account of all programs that were traced; `reason` is that of a break."""
    made = [one for one in programs if one.traces]
    breaks = sum(one.breaks for one in made)
    return Compilation(
        graphs=len(made),
        breaks=breaks,
        recompilations=sum(one.traces - 1 for one in made),
        parts=tuple(part for part in PARTS if any(part in one.parts for one in made)),
        reasons=(reason,) if breaks else (),
        calls=sum(one.calls for one in made),
        cache=made[0].cache if made else "",
    )
