"""Device memory as the driver counts it, by NVIDIA's management library (NVML): the package nvidia-ml-py, if installed.

The framework's allocator knows what it handed out; the driver also sees the context, loaded kernels and what libraries
took behind the allocator's back.
"""

from __future__ import annotations

import os
from typing import Any


def device_bytes() -> int | None:
    """Bytes that this process holds on all devices now; None where the driver does not say.

    It does not without NVML, and where processes have other numbers than on the host (containers).
    """
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return None
    try:
        held = [process.usedGpuMemory for process in _processes(pynvml) if process.pid == os.getpid()]
    except pynvml.NVMLError:
        return None
    finally:
        pynvml.nvmlShutdown()
    return None if not held or None in held else sum(held)


def _processes(nvml: Any) -> list[Any]:
    """All that compute on any device."""
    handles = [nvml.nvmlDeviceGetHandleByIndex(number) for number in range(nvml.nvmlDeviceGetCount())]
    return [process for handle in handles for process in nvml.nvmlDeviceGetComputeRunningProcesses(handle)]
