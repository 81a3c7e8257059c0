"""Limits of the control group of this process: memory and processors, in a container less than the machine has.

Version 2 of control groups (the kernel's admin-guide/cgroup-v2, `memory.*` and `cpu.max`) and version 1
(cgroup-v1/memory, scheduler/sched-bwc).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")


class _Files(NamedTuple):
    """Mount point of a version of control groups, and the names of its files in bytes."""

    mount: str
    limit: str
    used: str
    reclaimable: str


_VERSIONS = (
    _Files("", "memory.max", "memory.current", "inactive_file"),
    _Files("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_bytes(root: Path = ROOT) -> float:
    """Memory that the group may still take, reclaimable cached files included; infinite without a limit."""
    return min((_left(folder, files) for files in _VERSIONS for folder in _groups(root, files.mount)), default=math.inf)


def memory_limit(root: Path = ROOT) -> float:
    """Bytes that the group may take; infinite without a limit."""
    found = (_number(_text(folder / files.limit)) for files in _VERSIONS for folder in _groups(root, files.mount))
    return min((limit for limit in found if limit is not None), default=math.inf)


def cpu_quota(root: Path = ROOT) -> float:
    """Cores that the group may keep busy, 0.5 for half of one; infinite without a quota.

    `cpu.max` of version 2, `cpu.cfs_quota_us` over `cpu.cfs_period_us` of version 1 (the kernel's scheduler/sched-bwc).
    """
    second = [_text(folder / "cpu.max").split() for folder in _groups(root, "")]
    names = ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    first = [[_text(folder / name).strip() for name in names] for folder in _groups(root, "cpu")]
    return min((_cores(*found) for found in (*second, *first) if len(found) == len(names)), default=math.inf)


def _groups(root: Path, controller: str) -> Iterator[Path]:
    """Folders of the group of this process and of the groups above, whose limits hold too; "" is version 2.

    In a container the group's own path may not be mounted, but its root is.
    """
    mount = root / "sys/fs/cgroup" / controller
    for controllers, path in re.findall(r"^\d+:([^:]*):(.*)$", _text(root / "proc/self/cgroup"), re.MULTILINE):
        if controller in controllers.split(","):
            own = mount / path.lstrip("/")
            yield from (own, *(folder for folder in own.parents if folder.is_relative_to(mount)))


def _cores(quota: str, period: str) -> float:
    """Infinite for `max` and for -1."""
    given, every = _number(quota), _number(period)
    return given / every if given and every else math.inf


def _left(folder: Path, files: _Files) -> float:
    limit, used = _number(_text(folder / files.limit)), _number(_text(folder / files.used))
    cached = re.search(rf"^{files.reclaimable} (\d+)$", _text(folder / "memory.stat"), re.MULTILINE)
    if limit is None or used is None:
        return math.inf
    return max(0.0, limit - used + (int(cached[1]) if cached else 0))


def _number(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
