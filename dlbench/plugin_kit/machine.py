"""Facts of the machine and of this process that plugins report."""

from __future__ import annotations

import platform
from pathlib import Path

TASKS = Path("/proc/self/task")


def cpu_name() -> str:
    """The description of the processor in a list of devices."""
    return platform.processor() or platform.machine()


def threads_named(name: str) -> int | None:
    """Threads of this process that have a name, as the kernel tells it; None where it does not tell (macOS)."""
    return sum(one.read_text().strip() == name for one in TASKS.glob("*/comm")) if TASKS.is_dir() else None
