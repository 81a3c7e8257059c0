"""Devices and threads: those that PyTorch finds here, and the settings of this process for a Spec."""

from __future__ import annotations

import contextlib
import os
import shutil

import torch

from dlbench.errors import Unsupported
from dlbench.plugin_kit import cpu_name, resolve_device
from dlbench.spec import Spec
from dlbench_torch import caches, openxla, precision

INTER_OP_THREADS = 1
"""One operation at a time: the Spec's threads all work on it, as in the other frameworks."""
_PREFIX = "dlbench-inductor-"
_IMPORTED_BY = os.getpid()
"""The process that imported this package: this one, or the one that it was forked from."""


def devices() -> dict[str, str]:
    """Device words of a Spec, each with its description."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    found = {f"gpu:{number}": torch.cuda.get_device_name(number) for number in range(count)}
    if torch.backends.mps.is_available():
        found["mps"] = "Apple GPU"
    return {"cpu": cpu_name()} | found


def prepare(spec: Spec) -> torch.device:
    """Set threads and precision, and return the device that the Spec asks for.

    Raises Unsupported for a missing device, a precision that it lacks, a missing compiler, and for Inductor without a
    C++ compiler.
    """
    if spec.compiler not in ("", "inductor", openxla.NAME):
        raise Unsupported(f"compiler {spec.compiler}: the plugins of PyTorch have inductor and {openxla.NAME}")
    xla = spec.compiler == openxla.NAME
    device = openxla.prepare(spec) if xla else torch.device(_resolve(spec.device).replace("gpu", "cuda"))
    if device.type == "mps" and spec.path == "jit":
        raise Unsupported("path jit on mps: the compiled step counts in float64, mps has none; choose --path eager")
    precision.prepare(spec.precision, device)
    torch.set_flush_denormal(True)  # as the other frameworks do; threads that start later inherit it
    torch.set_num_threads(spec.threads)
    with contextlib.suppress(RuntimeError):  # it can be set only once, and is read back
        torch.set_num_interop_threads(INTER_OP_THREADS)
    if spec.path == "jit" and not xla:
        _require_compiler()
        caches.use_own()
    return device


def word_of(device: torch.device) -> str:
    """The Spec's word for a device."""
    if device.type == "xla":
        return openxla.word()
    return f"gpu:{device.index or 0}" if device.type == "cuda" else device.type


def _resolve(asked: str) -> str:
    return resolve_device(asked, devices(), f"PyTorch {torch.__version__}")


def _require_compiler() -> None:
    wanted = [name for name in (os.environ.get("CXX"), "g++", "clang++", "c++") if name]
    if not any(shutil.which(name) for name in wanted):
        raise Unsupported(f"path jit: Inductor needs a C++ compiler and finds none of {', '.join(wanted)}; install g++")
