"""Counters of an NVIDIA GPU during a Run, by NVML (nvidia-ml-py: `pip install 'dlbench[gpu]'`)."""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import Any

from dlbench.record.schema import GpuLoad
from dlbench.system.nvml import handle

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
"""Why clocks are lower than they could be: nvmlClocksThrottleReasons of nvml.h; an idle GPU (0x1) is no reason."""


class GpuSampler:
    """Looks at a GPU when told to, outside the clock, and sums up; reads nothing where NVML does not answer."""

    def __init__(self, device: str, variables: Mapping[str, str] = os.environ) -> None:
        self._nvml, self._handle = _opened(device, variables)
        self._looks: list[GpuLoad] = []

    def sample(self) -> None:
        """Read clocks, temperature, power and what limits them now."""
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


def _opened(device: str, variables: Mapping[str, str]) -> tuple[Any, Any]:
    """The library and the handle of the GPU that a model's word means; None for both where there is neither."""
    if not device.startswith("gpu"):
        return None, None
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None, None
    try:
        nvml.nvmlInit()
        found = handle(nvml, device, variables)
    except nvml.NVMLError:
        return None, None
    return (None, None) if found is None else (nvml, found)
