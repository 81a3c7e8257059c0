"""Device memory as the driver counts it, by NVIDIA's management library (NVML): the package nvidia-ml-py, if installed.

The framework's allocator knows what it handed out; the driver also sees the context, loaded kernels and what libraries
took behind the allocator's back.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

T = TypeVar("T")


def device_bytes() -> int | None:
    """Bytes that this process holds on all devices now; None where the driver does not say.

    It does not without NVML, and where processes have other numbers than on the host (containers).
    """
    return _asked(_held_by_this_process)


def free_bytes(device: str) -> int | None:
    """Bytes that are free on `gpu` (the first) or `gpu:N`; None where the driver does not say, and for other devices.

    Devices are numbered as frameworks number them: among those of CUDA_VISIBLE_DEVICES.
    """
    kind, _, number = device.partition(":")
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        at = int(number or 0) if visible is None else int(visible.split(",")[int(number or 0)])
    except (ValueError, IndexError):
        return None
    return _asked(partial(_free, at)) if kind == "gpu" else None


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


def _free(number: int, nvml: Any) -> int:
    return int(nvml.nvmlDeviceGetMemoryInfo(nvml.nvmlDeviceGetHandleByIndex(number)).free)


def _held_by_this_process(nvml: Any) -> int | None:
    held = [process.usedGpuMemory for process in _processes(nvml) if process.pid == os.getpid()]
    return None if not held or None in held else sum(held)


def _processes(nvml: Any) -> list[Any]:
    """All that compute on any device."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    return [process for handle in handles for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
