"""One process of each arm that is thrown away before anything is measured.

It brings the arm's files into the page cache and fills the caches of drivers and compilers on the disk, so
that the first process that counts starts as the others do. It goes as far as the first step and stops.

Its memory decides which arms may be alive together: a group that does not fit is split, each part with its baseline.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import msgspec
import psutil

from dlbench.record.schema import PhaseMemory
from dlbench.spec import Member, Spec, baseline_of
from dlbench.system import cgroup, nvml
from dlbench.workers.beside import Work, results
from dlbench.workers.child import ChildError, ChildHandle
from dlbench.workers.protocol import Build, Built, First, Stepped

SHARE = 0.8
"""Share of the memory that is free when a group starts; the rest is for growth after the first step."""


class MemoryUse(NamedTuple):
    """Memory of the host, and of a device that is not the CPU."""

    host: float
    device: float = 0.0

    def within(self, available: MemoryUse) -> bool:
        """True if it fits."""
        return self.host <= available.host and self.device <= available.device


NONE_HOLDS = MemoryUse(math.inf, math.inf)
"""The size of an arm that ran out of memory alone: nothing can be beside it."""


class PilotProcesses:
    """The arms of a session that have had their process."""

    def __init__(self) -> None:
        self._done: dict[Spec, MemoryUse | None] = {}
        self._devices: dict[Spec, str] = {}

    def lacking(self, specs: Iterable[Spec], planned: Iterable[Spec]) -> list[Spec]:
        """One planned Spec of each of these arms that has not had its process: all of an arm read the same files.

        The one that trains, if any, because it takes more memory than one that only predicts.
        """
        found: dict[Spec, Spec] = {}
        for spec in sorted(planned, key=lambda spec: not spec.trains):
            found.setdefault(pilot_key(spec), spec)
        arms = dict.fromkeys(pilot_key(spec) for spec in specs)
        return [found[arm] for arm in arms if arm in found and arm not in self._done]

    def sizes(self, specs: Iterable[Spec]) -> dict[Spec, MemoryUse]:
        """The most memory up to the first step, of those whose arm came that far or ran out of memory on the way."""
        return {spec: size for spec in specs if (size := self._done.get(pilot_key(spec)))}

    def device(self, specs: Iterable[Spec]) -> str:
        """Device that these arms run on together: a GPU if one of them was built there."""
        found = [self._devices.get(pilot_key(spec), spec.device) for spec in specs]
        return next((device for device in found if device.startswith("gpu")), found[0])

    def measure(self, specs: Sequence[Spec], start: Callable[[Spec, int], ChildHandle]) -> None:
        """Build, take the first step, and end the child of each; a failure is left to the Run that meets it again.

        `start` takes the place of a child among those that work at the same time.
        """
        works = [Work(spec, partial(start, spec), partial(first_step, spec)) for spec in specs]
        for spec, found in zip(specs, results(works), strict=True):
            self._done[pilot_key(spec)] = None
            if isinstance(found, ChildError):
                self._done[pilot_key(spec)] = NONE_HOLDS if found.status == "out-of-memory" else None
            else:
                self._devices[pilot_key(spec)], self._done[pilot_key(spec)] = found


def first_step(spec: Spec, child: ChildHandle) -> Callable[[], tuple[str, MemoryUse]]:
    """Begin both orders; what waits for them returns the device of the arm and its memory."""
    build, first = Build(spec=spec), First()
    child.begin(build, first)

    def result() -> tuple[str, MemoryUse]:
        built = child.request(build, Built)
        stepped = child.request(first, Stepped)
        used = _most([*built.memory, stepped.memory])
        beside = 2 if spec.together else 1  # as many programs without exchange are alive with the workers
        return built.info.device, MemoryUse(beside * used.host, beside * used.device)

    return result


def _most(marks: Sequence[PhaseMemory]) -> MemoryUse:
    """Peaks of host and device; on the device the driver's figure, if it is more than the allocator's peak."""
    device = (of for mark in marks for of in (mark.device_peak_bytes, mark.driver_bytes) if of is not None)
    return MemoryUse(max(mark.peak_bytes for mark in marks), max(device, default=0))


def pilot_key(spec: Spec) -> Spec:
    """Key of an arm: one Spec for all its phases and seeds, and for its control."""
    return msgspec.structs.replace(spec, phase="train", seed=0)


def available_memory(device: str) -> MemoryUse:
    """Memory that the arms of one group on this device may take together; infinite if the driver does not say."""
    free = nvml.free_bytes(device)
    host = min(psutil.virtual_memory().available, cgroup.free_bytes())
    return MemoryUse(SHARE * host, math.inf if free is None else SHARE * free)


def split(members: Sequence[Member], sizes: Mapping[Spec, MemoryUse], available: MemoryUse) -> list[tuple[Member, ...]]:
    """Parts of a group that fit into `available` one after the other, in the order of `members`, the baseline first.

    An arm of unknown size counts for nothing. An arm that does not fit beside its companions is alone.
    """
    parts: list[set[Member]] = []
    for member in members:
        needed = {member, *_companions(member, members)}
        fitting = next((part for part in parts if _size(part | needed, sizes).within(available)), None)
        if fitting is not None:
            fitting |= needed
        elif not any(member in part for part in parts):
            parts.append(needed if _size(needed, sizes).within(available) else {member})
    return [tuple(member for member in members if member in part) for part in parts]


def _companions(member: Member, members: Sequence[Member]) -> list[Member]:
    """Arms that one is compared with; for a control also its arm. Empty if seeds replicate."""
    if member.spec.replicated_by == "seed":
        return []
    return [Member(member.spec), Member(baseline_of(member.spec, [one.spec for one in members]))]


def _size(members: set[Member], sizes: Mapping[Spec, MemoryUse]) -> MemoryUse:
    known = [sizes[member.spec] for member in members if member.spec in sizes]
    return MemoryUse(sum(one.host for one in known), sum(one.device for one in known))
