"""Device memory as the driver counts it, by NVIDIA's management library (NVML): the package nvidia-ml-py, if installed.

The framework's allocator knows what it handed out; the driver also sees the context, loaded kernels and what libraries
took behind the allocator's back.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def device_bytes() -> int | None:
    """Bytes that this process holds on all devices now; None where the driver does not say.

    It does not without NVML, and where processes have other numbers than on the host (containers).
    """
    return _asked(_held_by_this_process)


def free_bytes(device: str) -> int | None:
    """Bytes that are free on `gpu` (the first) or `gpu:N`; None where nobody says, and for other devices."""
    return _asked(partial(_free, device))


def version() -> str:
    """The version of the driver; empty where nobody says."""
    return _asked(lambda nvml: str(nvml.nvmlSystemGetDriverVersion())) or ""


def handle(nvml: Any, device: str, variables: Mapping[str, str] = os.environ) -> Any | None:
    """What NVML calls `gpu` (the first) or `gpu:N`; None for other devices. Raises NVMLError.

    Frameworks count the devices that CUDA is shown, CUDA_VISIBLE_DEVICES: numbers or identifiers, none if it is empty
    (the CUDA C++ programming guide, environment variables). NVML counts all.
    """
    kind, _, number = device.partition(":")
    if kind != "gpu":
        return None
    shown, at = variables.get("CUDA_VISIBLE_DEVICES"), int(number or 0)
    if shown is None:
        return nvml.nvmlDeviceGetHandleByIndex(at)
    names = [name.strip() for name in shown.split(",") if name.strip()]
    if at >= len(names):
        return None
    name = names[at]
    return nvml.nvmlDeviceGetHandleByIndex(int(name)) if name.isdigit() else nvml.nvmlDeviceGetHandleByUUID(name)


def _asked(question: Callable[[Any], T]) -> T | None:
    """What NVML answers; None where it is not there or refuses."""
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        return question(pynvml)
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()


def _free(device: str, nvml: Any) -> int | None:
    found = handle(nvml, device)
    return None if found is None else int(nvml.nvmlDeviceGetMemoryInfo(found).free)


def _held_by_this_process(nvml: Any) -> int | None:
    held = [process.usedGpuMemory for process in _processes(nvml) if process.pid == os.getpid()]
    return None if not held or None in held else sum(held)


def _processes(nvml: Any) -> list[Any]:
    """All that compute on any device."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    return [process for handle in handles for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
