"""The machine and its software, as a record states them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import importlib_metadata as metadata
import psutil

from dlbench.record.schema import Environment, Limits
from dlbench.system import cgroup, cpus, instructions, memory, variables

_CORE_PACKAGES = ("dlbench", "numpy")
_MODEL = {
    "family": "cpu family",
    "model": "model",
    "stepping": "stepping",
    "implementer": "CPU implementer",
    "variant": "CPU variant",
    "part": "CPU part",
}
"""Numbers of /proc/cpuinfo that tell generations of a processor apart: three on x86, three on Arm (proc_cpuinfo(5))."""


def describe(packages: Iterable[str] = (), declared: Iterable[str] = (), name: str = "") -> Environment:
    """The environment of this process, with the variables of libraries and those that a plugin declares."""
    return Environment(
        cpu=_cpu_field("model name") or platform.processor() or platform.machine(),
        cpu_vendor=_cpu_field("vendor_id"),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: _version(name) for name in sorted({*_CORE_PACKAGES, *packages})},
        variables=variables.recorded(os.environ, declared),
        memory_method=memory.method(),
        name=name,
        limits=limits(),
        instructions=instructions.used(),
        nice=os.getpriority(os.PRIO_PROCESS, 0) if hasattr(os, "getpriority") else None,
        scheduling=_scheduling(),
        cpu_model=" ".join(f"{word} {value}" for word, name in _MODEL.items() if (value := _cpu_field(name))),
    )


def limits() -> Limits:
    """Limits of this process; a limit beyond the machine's own memory is none."""
    quota, memory_bytes = cgroup.cpu_quota(), cgroup.memory_limit()
    return Limits(
        cores=usable_cores(),
        cpu_quota=quota if math.isfinite(quota) else None,
        memory_bytes=int(memory_bytes) if memory_bytes < psutil.virtual_memory().total else None,
    )


@cache
def fingerprint() -> str:
    """Twelve hexadecimal digits that tell the running system from all others, also in a container, and name nobody.

    A digest of the random id that Linux gives each boot (random(4)); elsewhere of the name of the host.
    """
    try:
        told = Path("/proc/sys/kernel/random/boot_id").read_text()
    except OSError:
        told = platform.node()
    return hashlib.sha256(f"dlbench {told.strip()}".encode()).hexdigest()[:12]


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return cpus.count()


def _scheduling() -> str:
    """The scheduling policy of this process, such as `other` or `batch` (sched(7)); empty if there is none."""
    if not hasattr(os, "sched_getscheduler"):
        return ""
    names = {getattr(os, name): name for name in dir(os) if name.startswith("SCHED_") and name != "SCHED_RESET_ON_FORK"}
    number = os.sched_getscheduler(0)
    return names.get(number, f"policy {number}").removeprefix("SCHED_").lower()


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
