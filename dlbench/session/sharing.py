"""Splits a group so that the arms alive together fit into 80 % of free memory, each part with its baseline."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
import psutil

from dlbench.spec import Spec, baseline_of
from dlbench.system import cgroup, nvml

SHARE = 0.8
"""Of the memory that is free when a group starts: what is left serves what grows after the first step."""


class MemoryUse(NamedTuple):
    """Memory of the host, and of a device that is not the CPU."""

    host: float
    device: float = 0.0

    def within(self, room: MemoryUse) -> bool:
        """Whether there is room for it."""
        return self.host <= room.host and self.device <= room.device


def available_memory(device: str) -> MemoryUse:
    """What the arms of one group on this device may take together, now; infinite where the driver does not say."""
    free = nvml.free_bytes(device)
    host = min(psutil.virtual_memory().available, cgroup.free_bytes())
    return MemoryUse(SHARE * host, math.inf if free is None else SHARE * free)


def split(specs: Sequence[Spec], sizes: Mapping[Spec, MemoryUse], room: MemoryUse) -> list[tuple[Spec, ...]]:
    """Parts of a group that fit into the room one after the other, in the order of `specs`, the baseline first.

    An arm of unknown size counts for nothing. An arm that does not fit beside what it is compared with is alone.
    """
    parts: list[set[Spec]] = []
    for spec in specs:
        needed = {spec, *_companions(spec, specs)}
        home = next((part for part in parts if _size(part | needed, sizes).within(room)), None)
        if home is not None:
            home |= needed
        elif not any(spec in part for part in parts):
            parts.append(needed if _size(needed, sizes).within(room) else {spec})
    return [tuple(spec for spec in specs if spec in part) for part in parts]


def _companions(spec: Spec, specs: Sequence[Spec]) -> list[Spec]:
    """What an arm is compared with; of a twin also the arm whose twin it is. Seeds are compared, not turns: none."""
    if spec.replicated_by == "seed":
        return []
    itself = msgspec.structs.replace(spec, twin=False)
    return [itself, baseline_of(itself, specs)]


def _size(specs: set[Spec], sizes: Mapping[Spec, MemoryUse]) -> MemoryUse:
    known = [sizes[spec] for spec in specs if spec in sizes]
    return MemoryUse(sum(one.host for one in known), sum(one.device for one in known))
