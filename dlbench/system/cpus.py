"""Logical processors: those that a process may use, and the choice among them by the machine's topology (sysfs)."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")


class _Place(NamedTuple):
    """Place of a logical processor: its NUMA node or package, and the processors of its core, itself among them."""

    node: str
    core: tuple[int, ...]


def usable() -> tuple[int, ...]:
    """Numbers of the processors that this process may run on; empty if the system does not say (outside Linux)."""
    return tuple(sorted(os.sched_getaffinity(0))) if hasattr(os, "sched_getaffinity") else ()


def count() -> int:
    """Number of processors that this process may run on."""
    return len(usable()) or os.cpu_count() or 1


def choose(number: int, allowed: Collection[int], root: Path = ROOT) -> list[int]:
    """Up to `number` of the allowed processors: each a physical core of its own while there are any, of one node.

    Two threads on siblings of one core share its arithmetic. A node that has enough cores alone is taken before all
    others, else the largest first. Ties go to the lowest numbers. Source: the kernel's admin-guide/cputopology.
    """
    places = {cpu: _place(cpu, root) for cpu in allowed}
    nodes: dict[str, list[int]] = {}
    for cpu in sorted(allowed):
        if _rank(cpu, places[cpu], allowed) == 0:
            nodes.setdefault(places[cpu].node, []).append(cpu)
    order = sorted(nodes, key=lambda node: (len(nodes[node]) < number, _size(nodes[node], number), nodes[node][0]))
    key = {cpu: (_rank(cpu, place, allowed), order.index(place.node), cpu) for cpu, place in places.items()}
    return sorted(sorted(allowed, key=key.__getitem__)[:number])


def choose_apart(number: int, place: int, allowed: Collection[int], root: Path = ROOT) -> list[int]:
    """`choose` for the process at this place of several that start at the same time, each on processors of its own.

    Those of the first where no others are left.
    """
    before = choose(number * place, allowed, root)
    own = [cpu for cpu in choose(number * (place + 1), allowed, root) if cpu not in before]
    return own if len(own) == number else choose(number, allowed, root)


def _size(cores: Collection[int], number: int) -> int:
    """Larger nodes first if no node is enough; nodes that are enough count as equal."""
    return 0 if len(cores) >= number else -len(cores)


def _rank(cpu: int, place: _Place, allowed: Collection[int]) -> int:
    """0 for the first allowed processor of a core, 1 for its sibling."""
    return sum(other in allowed for other in place.core if other < cpu)


def _place(cpu: int, root: Path) -> _Place:
    """A processor about which nothing is said is a core of its own."""
    folder = root / f"sys/devices/system/cpu/cpu{cpu}"
    package = _text(folder / "topology/physical_package_id")
    node = next((found.name for found in sorted(folder.glob("node[0-9]*"))), "")
    siblings = _numbers(_text(folder / "topology/thread_siblings_list"))
    return _Place(f"{package} {node}", siblings if cpu in siblings else (cpu,))


def _numbers(text: str) -> tuple[int, ...]:
    """Numbers that the kernel writes as `0-3,8`."""
    found = re.findall(r"(\d+)(?:-(\d+))?", text)
    return tuple(number for first, last in found for number in range(int(first), int(last or first) + 1))


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
