"""What machine and software this is, and how busy the machine was while a Run went on."""

from __future__ import annotations

import json
import os
import platform
import re
import time
from collections.abc import Iterable
from pathlib import Path

import importlib_metadata as metadata
import psutil

from dlbench import memory
from dlbench.record import Environment, Load

_PREFIXES = ("OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "BLIS_", "CUDA_", "NVIDIA_", "XLA_", "LD_PRELOAD", "MALLOC_")
_CORE_PACKAGES = ("dlbench", "numpy")


def describe(framework: str, packages: Iterable[str] = (), name: str = "") -> Environment:
    """The environment of this process; variables are those that numerical libraries and the framework read."""
    prefixes = (*_PREFIXES, framework.upper())
    return Environment(
        cpu=_cpu_field("model name") or platform.processor() or platform.machine(),
        cpu_vendor=_cpu_field("vendor_id"),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: _version(name) for name in sorted({*_CORE_PACKAGES, *packages})},
        variables={name: value for name, value in sorted(os.environ.items()) if name.startswith(prefixes)},
        memory_method=memory.method(),
        name=name,
    )


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class LoadMeter:
    """Reads the machine's counters when made and again at `read`; what is returned is the difference."""

    def __init__(self) -> None:
        self._start = _counters()
        self._process = psutil.Process()
        self._switches = self._process.num_ctx_switches()
        self._faults = _major_faults()

    def read(self) -> Load:
        """Load since this meter was made."""
        end = _counters()
        switches = self._process.num_ctx_switches()
        return Load(
            load_average=os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
            cpu_pressure=_share(self._start, end, "cpu", "wall"),
            memory_pressure=_share(self._start, end, "memory", "wall"),
            steal=_share(self._start, end, "steal", "ticks"),
            voluntary_switches=switches.voluntary - self._switches.voluntary,
            involuntary_switches=switches.involuntary - self._switches.involuntary,
            major_faults=_difference(self._faults, _major_faults()),
        )


def _counters() -> dict[str, float | None]:
    times = psutil.cpu_times()
    return {
        "wall": time.monotonic(),
        "cpu": _pressure("cpu"),
        "memory": _pressure("memory"),
        "steal": getattr(times, "steal", None),
        "ticks": sum(times),
    }


def _share(start: dict[str, float | None], end: dict[str, float | None], part: str, whole: str) -> float | None:
    rise, of = (_difference_of(start[name], end[name]) for name in (part, whole))
    return None if rise is None or not of else max(0.0, rise / of)


def _difference_of(start: float | None, end: float | None) -> float | None:
    return None if start is None or end is None else end - start


def _difference(start: int | None, end: int | None) -> int | None:
    return None if start is None or end is None else end - start


def _pressure(resource: str) -> float | None:
    """Seconds in which some task waited for the resource (the kernel's documentation, accounting/psi)."""
    try:
        text = Path(f"/proc/pressure/{resource}").read_text()
    except OSError:
        return None
    match = re.search(r"^some .*total=(\d+)", text, re.MULTILINE)
    return int(match[1]) * 1e-6 if match else None


def _major_faults() -> int | None:
    try:
        return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[9])
    except OSError:
        return None


def _cpu_field(name: str) -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return ""
    match = re.search(rf"^{name}\s*: (.*)$", text, re.MULTILINE)
    return match[1].strip() if match else ""


def _version(distribution: str) -> str:
    try:
        found = metadata.distribution(distribution)
    except metadata.PackageNotFoundError:
        return "not installed"
    origin = json.loads(found.read_text("direct_url.json") or "{}")  # PEP 610
    commit = origin.get("vcs_info", {}).get("commit_id", "")[:12]
    return f"{found.version} ({commit})" if commit else found.version
