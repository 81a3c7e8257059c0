"""Facts of the machine and of this process that plugins report."""

from __future__ import annotations

import platform
from pathlib import Path

TASKS = Path("/proc/self/task")


def cpu_name() -> str:
    """The description of the processor in a list of devices."""
    return platform.processor() or platform.machine()


def threads_named(name: str) -> frozenset[str] | None:
    """Numbers of the threads of this process that have a name, as the kernel tells it; None where it does not (macOS).

    Two libraries may give theirs one name: what came with one of them is what was not there before.
    """
    if not TASKS.is_dir():
        return None
    return frozenset(one.parent.name for one in TASKS.glob("*/comm") if one.read_text().strip() == name)
