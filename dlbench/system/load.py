"""Load of the machine during a Run, from the counters of the kernel."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path

import psutil

from dlbench.record.schema import Load

ROOT = Path("/")

Counters = dict[str, float | None]


class LoadMeter:
    """Reads the machine's counters when made and again at `read`, which returns the difference."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._start = self._counters()

    def read(self) -> Load:
        """Load since this meter was made."""
        end = self._counters()
        return Load(
            load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            steal=_share(self._start, end, "steal", "ticks"),
            cpu_pressure=_share(self._start, end, "cpu", "wall"),
            memory_pressure=_share(self._start, end, "memory", "wall"),
            throttled=_share(self._start, end, "throttled", "periods"),
            voluntary_switches=_rise(self._start, end, "voluntary_switches"),
            involuntary_switches=_rise(self._start, end, "involuntary_switches"),
            major_faults=_rise(self._start, end, "major_faults"),
        )

    def _counters(self) -> Counters:
        times, switches = psutil.cpu_times(), self._process.num_ctx_switches()
        periods, used_up = quota()
        return {
            "wall": time.monotonic(),
            "cpu": pressure("cpu"),
            "memory": pressure("memory"),
            "throttled": used_up,
            "periods": periods,
            "steal": getattr(times, "steal", None),
            "ticks": sum(times),
            "voluntary_switches": switches.voluntary,
            "involuntary_switches": switches.involuntary,
            "major_faults": major_faults(),
        }


def pressure(resource: str, root: Path = ROOT) -> float | None:
    """Seconds in which some task waited for the resource (the kernel's documentation, accounting/psi)."""
    match = re.search(r"^some .*total=(\d+)", _text(root / f"proc/pressure/{resource}"), re.MULTILINE)
    return int(match[1]) * 1e-6 if match else None


def major_faults(root: Path = ROOT) -> int | None:
    """Pages that this process had to read from the disk (proc(5), the twelfth field of stat)."""
    fields = _text(root / "proc/self/stat").rpartition(")")[2].split()
    return int(fields[9]) if len(fields) > 9 else None


def quota(root: Path = ROOT) -> tuple[int | None, int | None]:
    """Periods in which this process's control group could use its quota of CPU, and those in which it was used up.

    `nr_periods` and `nr_throttled` in `cpu.stat` of the group, in either version (the kernel's scheduler/sched-bwc).
    Not the time that it was stopped, which adds up over cores and can exceed the clock's. In a container the group's
    own path may not be mounted: then its root is read. None for both if the system has no such groups.
    """
    for group in re.finditer(r"^\d+:([^:]*):(.*)$", _text(root / "proc/self/cgroup"), re.MULTILINE):
        if group[1] == "" or "cpu" in group[1].split(","):
            mount = root / "sys/fs/cgroup" / ("cpu" if group[1] else "")
            for folder in (mount / group[2].lstrip("/"), mount):
                found = dict(re.findall(r"^nr_(periods|throttled) (\d+)$", _text(folder / "cpu.stat"), re.MULTILINE))
                if len(found) == 2:
                    return int(found["periods"]), int(found["throttled"])
    return None, None


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _share(start: Counters, end: Counters, part: str, whole: str) -> float | None:
    first, last, begin, until = start[part], end[part], start[whole], end[whole]
    if first is None or last is None or begin is None or until is None or until == begin:
        return None
    return max(0.0, (last - first) / (until - begin))


def _rise(start: Counters, end: Counters, name: str) -> int | None:
    first, last = start[name], end[name]
    return None if first is None or last is None else int(last - first)
