"""What the control group of this process leaves it of the machine's memory: in a container less than the machine has.

Version 2 of control groups (the kernel's admin-guide/cgroup-v2, `memory.*`) and version 1 (cgroup-v1/memory).
"""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path("/")


class _Files(NamedTuple):
    """Where a version mounts its groups, and the names of what it says in bytes."""

    mount: str
    limit: str
    used: str
    reclaimable: str


_VERSIONS = (
    _Files("", "memory.max", "memory.current", "inactive_file"),
    _Files("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def free_bytes(root: Path = ROOT) -> float:
    """Memory that the group may still take, cached files that it would give back included; infinite without a limit.

    The limits of the groups above hold too. In a container the group's own path may not be mounted, but its root is.
    """
    found = [math.inf]
    for controllers, path in re.findall(r"^\d+:([^:]*):(.*)$", _text(root / "proc/self/cgroup"), re.MULTILINE):
        for version in _VERSIONS:
            if version.mount in controllers.split(","):
                mount = root / "sys/fs/cgroup" / version.mount
                own = mount / path.lstrip("/")
                above = [folder for folder in own.parents if folder.is_relative_to(mount)]
                found += [_left(folder, version) for folder in (own, *above)]
    return min(found)


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
