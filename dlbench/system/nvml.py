"""Memory and counters of GPUs by NVIDIA's management library (NVML): nvidia-ml-py (`pip install 'dlbench[gpu]'`).

The framework's allocator knows its own bytes; the driver also sees the context, loaded kernels and bytes that libraries
took directly.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeVar

from dlbench.record.schema import GpuLoad

T = TypeVar("T")
REASONS = {
    0x2: "application clocks",
    0x4: "power cap",
    0x8: "hardware slowdown",
    0x10: "sync boost",
    0x20: "temperature (driver)",
    0x40: "temperature (hardware)",
    0x80: "power brake",
    0x100: "display clocks",
}
"""Reasons for clocks below their maximum: nvmlClocksThrottleReasons of nvml.h; an idle GPU (0x1) is no reason."""


def device_bytes() -> int | None:
    """Bytes that this process holds on all devices now; None if the driver does not say.

    It does not without NVML, nor in containers, whose process numbers differ from the host's.
    """
    return _asked(_held_by_this_process)


def free_bytes(device: str) -> int | None:
    """Bytes that are free on `gpu` (the first) or `gpu:N`; None if nobody says, and for other devices."""
    return _asked(partial(_free, device))


def version() -> str:
    """The version of the driver; empty if nobody says."""
    return _asked(lambda nvml: str(nvml.nvmlSystemGetDriverVersion())) or ""


class GpuSampler:
    """Samples a GPU on request, outside the clock, and sums up; reads nothing if NVML does not answer."""

    def __init__(self, device: str, variables: Mapping[str, str] = os.environ) -> None:
        self._nvml, self._handle = _counted_on(device, variables)
        self._looks: list[GpuLoad] = []

    def sample(self) -> None:
        """Read clocks, temperature, power and their current limit."""
        if self._nvml is None:
            return
        try:
            self._looks.append(self._look())
        except self._nvml.NVMLError:
            self._nvml = None

    def summary(self) -> GpuLoad | None:
        """The lowest clock, the highest temperature and power, and every reason seen; None without any look."""
        if not self._looks:
            return None
        return GpuLoad(
            clock_mhz=min(look.clock_mhz for look in self._looks),
            clock_limit_mhz=max(look.clock_limit_mhz for look in self._looks),
            temperature=max(look.temperature for look in self._looks),
            power_watts=max(look.power_watts for look in self._looks),
            power_limit_watts=max(look.power_limit_watts for look in self._looks),
            limited_by=tuple(dict.fromkeys(reason for look in self._looks for reason in look.limited_by)),
        )

    def _look(self) -> GpuLoad:
        nvml, gpu = self._nvml, self._handle
        reasons = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(gpu)
        return GpuLoad(
            clock_mhz=nvml.nvmlDeviceGetClockInfo(gpu, nvml.NVML_CLOCK_SM),
            clock_limit_mhz=nvml.nvmlDeviceGetMaxClockInfo(gpu, nvml.NVML_CLOCK_SM),
            temperature=nvml.nvmlDeviceGetTemperature(gpu, nvml.NVML_TEMPERATURE_GPU),
            power_watts=nvml.nvmlDeviceGetPowerUsage(gpu) / 1000,
            power_limit_watts=nvml.nvmlDeviceGetEnforcedPowerLimit(gpu) / 1000,
            limited_by=tuple(name for bit, name in REASONS.items() if reasons & bit),
        )


def handle(nvml: Any, device: str, variables: Mapping[str, str] = os.environ) -> Any | None:
    """Handle of NVML for `gpu` (the first) or `gpu:N`; None for other devices. Raises NVMLError.

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


def _opened() -> Any | None:
    """The library, which the caller shuts down; None if it is not there or does not start."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _asked(question: Callable[[Any], T]) -> T | None:
    """Answer of NVML; None if it is not there or refuses."""
    if (nvml := _opened()) is None:
        return None
    try:
        return question(nvml)
    except nvml.NVMLError:
        return None
    finally:
        nvml.nvmlShutdown()


def _counted_on(device: str, variables: Mapping[str, str]) -> tuple[Any, Any]:
    """The library and the handle of the GPU that a model's word means; None for both if there is neither."""
    nvml = _opened() if device.startswith("gpu") else None
    if nvml is None:
        return None, None
    try:
        found = handle(nvml, device, variables)
    except nvml.NVMLError:
        return None, None
    return (None, None) if found is None else (nvml, found)


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
