"""Which arms may be alive together: as many as a share of memory holds, each with what it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import psutil

from dlbench.spec import Spec, baseline_of

SHARE = 0.8
"""Of the memory that is available when a group starts: what is left serves what grows after the first step."""


def room() -> int:
    """Bytes that the arms of one group may take together, now."""
    return int(SHARE * psutil.virtual_memory().available)


def split(specs: Sequence[Spec], sizes: Mapping[Spec, int], room: int) -> list[tuple[Spec, ...]]:
    """Parts of a group that fit into `room` bytes one after the other, in the order of `specs`, the baseline first.

    An arm of unknown size counts for nothing. An arm that does not fit beside what it is compared with is alone.
    """
    parts: list[set[Spec]] = []
    for spec in specs:
        needed = {spec, *_companions(spec, specs)}
        home = next((part for part in parts if _size(part | needed, sizes) <= room), None)
        if home is not None:
            home |= needed
        elif not any(spec in part for part in parts):
            parts.append(needed if _size(needed, sizes) <= room else {spec})
    return [tuple(spec for spec in specs if spec in part) for part in parts]


def _companions(spec: Spec, specs: Sequence[Spec]) -> list[Spec]:
    """What an arm is compared with; of a twin also the arm whose twin it is."""
    itself = msgspec.structs.replace(spec, twin=False)
    return [itself, baseline_of(itself, specs)]


def _size(specs: set[Spec], sizes: Mapping[Spec, int]) -> int:
    return sum(sizes.get(spec, 0) for spec in specs)
