"""What machine and software this is."""

from __future__ import annotations

import json
import math
import os
import platform
import re
from collections.abc import Iterable
from pathlib import Path

import importlib_metadata as metadata
import psutil

from dlbench import container, cpus, memory
from dlbench.record import Environment, Limits

_PREFIXES = (
    "OMP_",
    "MKL_",
    "KMP_",
    "GOMP_",
    "OPENBLAS_",
    "BLIS_",
    "CUDA_",
    "NVIDIA_TF32",
    "XLA_",
    "LD_PRELOAD",
    "MALLOC_",
)
_TERRAFORM = ("_CLI_", "_VAR_")
"""What follows a framework's name in variables of Terraform, which has the same prefix; they may be secrets."""
_CORE_PACKAGES = ("dlbench", "numpy")


def describe(framework: str, packages: Iterable[str] = (), name: str = "") -> Environment:
    """The environment of this process; variables are those that numerical libraries and the framework read.

    Without a framework ("") they are those of the libraries alone: what else is set may be a secret.
    """
    prefixes = (*_PREFIXES, framework.upper()) if framework else _PREFIXES
    others = tuple(framework.upper() + of for of in _TERRAFORM)
    return Environment(
        cpu=_cpu_field("model name") or platform.processor() or platform.machine(),
        cpu_vendor=_cpu_field("vendor_id"),
        cores=os.cpu_count() or 1,
        usable_cores=usable_cores(),
        memory_bytes=psutil.virtual_memory().total,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        python=f"{platform.python_implementation()} {platform.python_version()}",
        packages={name: _version(name) for name in sorted({*_CORE_PACKAGES, *packages})},
        variables={
            name: value
            for name, value in sorted(os.environ.items())
            if name.startswith(prefixes) and not name.startswith(others)
        },
        memory_method=memory.method(),
        name=name,
        limits=limits(),
    )


def limits() -> Limits:
    """What the system leaves this process; a limit of memory beyond what the machine has is none."""
    quota, memory_bytes = container.cpu_quota(), container.memory_limit()
    return Limits(
        cores=usable_cores(),
        cpu_quota=quota if math.isfinite(quota) else None,
        memory_bytes=int(memory_bytes) if memory_bytes < psutil.virtual_memory().total else None,
    )


def usable_cores() -> int:
    """CPU cores that this process may run on."""
    return cpus.count()


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
